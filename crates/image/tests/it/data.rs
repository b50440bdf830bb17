//! Bytes in and out.

use crate::world::{Cloud, LIMIT, active, create, expect, refused, upload};
use bytes::Bytes;
use futures_util::stream;
use http::axum::body::Body;
use image::Status;
use kernel::Error;
use serde_json::json;
use std::time::Duration;
use tokio::sync::oneshot;

const HELLO_MD5: &str = "5d41402abc4b2a76b9719d911017c592";
const HELLO_SHA512: &str = "9b71d224bd62f3785d96d46ad3ea3d73319bfbc2890caadae2dff72519673ca72323c3d99ba5c11d7c7acc6e14b8c5da0c4663475c2e5c3adef46f73bcdec043";

#[tokio::test]
async fn an_image_is_uploaded_hashed_read_and_deleted() {
    let cloud = Cloud::new().await;
    let member = cloud.api.token("member");
    let id = create(&member, "raw").await;
    let queued = expect(&member.call(&format!("GET /image/v2/images/{id}"), None).await, 200);
    assert_eq!(json!([queued["status"], queued["size"], queued["checksum"]]), json!(["queued", null, null]));
    expect(&upload(&member, &id, "hello").await, 204);
    let shown = expect(&member.call(&format!("GET /image/v2/images/{id}"), None).await, 200);
    assert_eq!(json!([shown["status"], shown["size"], shown["checksum"]]), json!(["active", 5, HELLO_MD5]));
    assert_eq!(json!([shown["os_hash_algo"], shown["os_hash_value"]]), json!(["sha512", HELLO_SHA512]));
    assert_eq!(shown["virtual_size"], 5);
    cloud.assert_holds(1).await;

    let file = format!("GET /image/v2/images/{id}/file");
    let read = member.call(&file, None).await;
    assert_eq!((read.status, read.text().as_str(), read.header("content-length").as_str()), (200, "hello", "5"));
    assert_eq!(
        (read.header("content-md5").as_str(), read.header("content-type").as_str()),
        (HELLO_MD5, "application/octet-stream")
    );
    for (range, status, text, says) in [
        ("bytes=1-2", 206, "el", "bytes 1-2/5"),
        ("bytes=3-", 206, "lo", "bytes 3-4/5"),
        ("bytes=0-99", 206, "hello", "bytes 0-4/5"),
        ("bytes=5-", 416, "", ""),
        ("bytes=9-12", 416, "", ""),
        ("bytes=2-1", 416, "", ""),
        ("bytes=0-18446744073709551615", 206, "hello", "bytes 0-4/5"),
        ("chapters=1-2", 416, "", ""),
    ] {
        let part = member.with("range", range).call(&file, None).await;
        assert_eq!((part.status, part.header("content-range").as_str()), (status, says), "{range}: {}", part.text());
        assert!(status == 416 || part.text() == text, "{range}: {}", part.text());
    }
    refused(&upload(&member, &id, "again").await, 409, "not allowed");
    expect(&member.call(&format!("DELETE /image/v2/images/{id}"), None).await, 204);
    refused(&member.call(&file, None).await, 404, "Failed to find image");
    cloud.assert_holds(0).await;
}

#[tokio::test]
async fn equal_images_have_bytes_of_their_own() {
    let cloud = Cloud::new().await;
    let member = cloud.api.token("member");
    let (first, second) = (active(&member, "same").await, active(&member, "same").await);
    expect(&member.call(&format!("DELETE /image/v2/images/{first}"), None).await, 204);
    let read = member.call(&format!("GET /image/v2/images/{second}/file"), None).await;
    assert_eq!((read.status, read.text().as_str()), (200, "same"));
    cloud.assert_holds(1).await;
}

/// An empty disk of 1 MiB in four clusters (header, table of reference counts, their block, cluster table), then changed.
fn qcow2(edit: fn(&mut Vec<u8>)) -> Vec<u8> {
    const CLUSTER: usize = 64 << 10;
    let mut image = vec![0; 4 * CLUSTER];
    let mut put = |at: usize, bytes: &[u8]| image[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"QFI\xfb\0\0\0\x03");
    put(20, &16u32.to_be_bytes());
    put(24, &(1u64 << 20).to_be_bytes());
    put(36, &1u32.to_be_bytes());
    put(40, &(3 * CLUSTER as u64).to_be_bytes());
    put(48, &(CLUSTER as u64).to_be_bytes());
    put(56, &1u32.to_be_bytes());
    put(96, &4u32.to_be_bytes());
    put(100, &104u32.to_be_bytes());
    put(CLUSTER, &(2 * CLUSTER as u64).to_be_bytes());
    (0..4).for_each(|cluster| put(2 * CLUSTER + cluster * 2, &1u16.to_be_bytes()));
    edit(&mut image);
    image
}

/// What is not what it claims, points elsewhere, or is cut off: refused, nothing kept, and the record free for another try.
#[tokio::test]
async fn hostile_and_damaged_images_are_refused() {
    let cloud = Cloud::new().await;
    let member = cloud.api.token("member");
    let backing = |image: &mut Vec<u8>| {
        image[8..16].copy_from_slice(&512u64.to_be_bytes());
        image[16..20].copy_from_slice(&11u32.to_be_bytes());
        image[512..523].copy_from_slice(b"/etc/shadow");
    };
    for (declared, content, words) in [
        ("qcow2", qcow2(backing), "backing file"),
        ("qcow2", qcow2(|image| image[79] |= 4), "data file"),
        ("raw", qcow2(|_| {}), "declared as raw"),
        // a bomb: a few clusters that say they are a disk beyond the limit
        ("qcow2", qcow2(|image| image[24..32].copy_from_slice(&(2 * LIMIT).to_be_bytes())), "is larger than any image"),
        ("qcow2", b"no header at all".to_vec(), "declared as qcow2"),
        ("qcow2", b"QFI\xfb\0\0\0\x03cut off".to_vec(), "safe to use"),
        ("vmdk", b"# Disk DescriptorFile\nRW 1 FLAT \"/etc/shadow\" 0\n".to_vec(), "safe to use"),
        ("qcow2", Vec::new(), "declared as qcow2"),
    ] {
        let id = create(&member, declared).await;
        refused(&upload(&member, &id, content).await, 400, words);
        let image = cloud.image(&id);
        assert_eq!((image.status, image.size, image.locations.len()), (Status::Queued, None, 0), "{words}");
        cloud.assert_holds(0).await;
    }
    let id = create(&member, "qcow2").await;
    expect(&upload(&member, &id, qcow2(|_| {})).await, 204);
    let honest = cloud.image(&id);
    assert_eq!((honest.status, honest.virtual_size), (Status::Active, Some(1 << 20)));
}

#[tokio::test]
async fn a_full_disk_and_too_much_data_fail_that_upload_only() {
    let cloud = Cloud::new().await;
    let member = cloud.api.token("member");
    let id = create(&member, "raw").await;
    cloud.fast.break_with(Some(Error::too_large("the image store has no space left")));
    refused(&upload(&member, &id, "hello").await, 413, "no space left");
    assert_eq!(cloud.image(&id).status, Status::Queued);
    cloud.fast.break_with(None);
    let large = vec![b'x'; usize::try_from(LIMIT).unwrap() + 1];
    assert_eq!(upload(&member, &id, large).await.status, 413);
    assert_eq!(cloud.image(&id).status, Status::Queued);
    cloud.assert_holds(0).await;
    expect(&upload(&member, &id, "hello").await, 204);
    cloud.assert_holds(1).await;
}

/// A client that goes away takes its request with it: the record must not stay in `saving`.
#[tokio::test]
async fn an_upload_that_is_cut_off_can_be_made_again() {
    let cloud = Cloud::new().await;
    let member = cloud.api.token("member");
    let id = create(&member, "raw").await;
    let (cut, gone) = oneshot::channel::<()>();
    let broken = async move {
        let _ = gone.await; // the connection is lost with its sender
        Err::<Bytes, _>(std::io::Error::other("the connection broke"))
    };
    let parts = stream::iter([Ok(Bytes::from("hel"))]);
    let body = Body::from_stream(futures_util::StreamExt::chain(parts, stream::once(broken)));
    let (client, record) = (member.clone(), id.clone());
    let request = tokio::spawn(async move { upload(&client, &record, body).await });
    until("the upload to begin", || cloud.image(&id).status == Status::Saving).await;
    refused(&upload(&member, &id, "other").await, 409, "not allowed");
    request.abort();
    drop(cut);
    until("the record to be free", || cloud.image(&id).status == Status::Queued).await;
    expect(&upload(&member, &id, "hello").await, 204);
    cloud.assert_holds(1).await;
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let met = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), met).await.unwrap_or_else(|_| panic!("never: {what}"));
}

#[tokio::test]
async fn a_deactivated_image_is_read_by_administrators_only() {
    let cloud = Cloud::new().await;
    let (member, admin) = (cloud.api.token("member"), cloud.api.token("admin"));
    let id = active(&member, "secret").await;
    expect(&member.call(&format!("POST /image/v2/images/{id}/actions/deactivate"), None).await, 204);
    let file = format!("GET /image/v2/images/{id}/file");
    refused(&member.call(&file, None).await, 403, "deactivated");
    assert_eq!(admin.call(&file, None).await.status, 200);
    expect(&member.call(&format!("POST /image/v2/images/{id}/actions/reactivate"), None).await, 204);
    assert_eq!(member.call(&file, None).await.text(), "secret");
}

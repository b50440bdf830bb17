//! What is broken on the disk, and disks that are full.

use crate::rig::{Login, Node, eventually, id, server, words};
use serde_json::{Value, json};
use std::fs;

#[tokio::test]
async fn a_corrupt_store_is_refused_and_left_alone() {
    let mut node = Node::started().await;
    node.stop().await;
    let file = node.data().join("store.redb");
    let whole = fs::read(&file).unwrap();
    let zeroed = |from: usize, to: usize| {
        let mut bytes = whole.clone();
        bytes[from..to].fill(0);
        bytes
    };
    let half = whole.len() / 2;
    for (what, bytes) in [
        ("something else", b"what is this".repeat(1000)),
        ("empty", Vec::new()),
        ("cut off", whole[..half].to_vec()),
        ("without its head", zeroed(0, 512)),
        ("with a hole", zeroed(4096, half)),
    ] {
        fs::write(&file, &bytes).unwrap();
        let run = node.command("run", &[]);
        let said = words(&run);
        assert!(!run.status.success(), "{what}: it started");
        for part in
            ["tstack: the store ", "store.redb is ", "it was left as it is: put a backup of the file in its place"]
        {
            assert!(said.contains(part), "{what}: {part} is not in: {said}");
        }
        assert_eq!(fs::read(&file).unwrap().len(), bytes.len(), "{what}: the file is left as it is");
    }
    fs::write(&file, &whole).unwrap();
    node.start().await;
    node.admin().await.must("GET /identity/v3/projects", Value::Null).await;
}

#[tokio::test]
async fn images_that_are_not_what_they_say() {
    let node = Node::started().await;
    let admin = node.admin().await;
    // A QCOW2 header (version 3) of a disk of 1 MiB whose clusters begin beyond its end, and one that has a backing file.
    let mut damaged = vec![0u8; 512];
    damaged[..4].copy_from_slice(b"QFI\xfb");
    damaged[7] = 3;
    damaged[23] = 16;
    damaged[29] = 0x10;
    let mut backed = damaged.clone();
    backed[15] = 0x68;
    backed[19] = 11;
    backed[0x68..0x68 + 11].copy_from_slice(b"/etc/passwd");
    for (format, bytes, expect) in [
        ("qcow2", b"not a disk at all".to_vec(), "qcow2"),
        ("qcow2", damaged, "damaged"),
        ("qcow2", backed, "it has a backing file"),
        ("raw", b"QFI\xfb\0\0\0\x03".repeat(64), "damaged"),
    ] {
        let body = json!({"disk_format": format, "container_format": "bare"});
        let image = id(&admin.must("POST /image/v2/images", body).await);
        let line = format!("PUT /image/v2/images/{image}/file");
        let answer = admin.raw(&line, bytes, "application/octet-stream").await;
        assert!((400..500).contains(&answer.status), "{format}: {answer:?}");
        assert!(answer.body.as_str().is_some_and(|page| page.contains(expect)), "{expect} is not in {answer:?}");
        let now = admin.must(&format!("GET /image/v2/images/{image}"), Value::Null).await;
        assert_eq!(now["status"], "queued");
    }
}

/// The server, once it has come to rest.
async fn settled(admin: &Login, server: &str) -> Value {
    eventually("the server comes to rest", async || {
        let shown = admin.must(&format!("GET /compute/v2.1/servers/{server}"), Value::Null).await;
        let shown = shown["server"].clone();
        if shown["status"] == "BUILD" { Err(shown.to_string()) } else { Ok(shown) }
    })
    .await
}

#[tokio::test]
async fn a_full_disk_fails_the_server_with_the_reason() {
    let mut node = Node::new().with_small("guests/disks", 64);
    node.start().await;
    let admin = node.admin().await;
    let ballast = node.seen_by_node("guests/disks/ballast");
    let full = fs::write(&ballast, vec![0; 1 << 20]).expect_err("the file system is small");
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    let failed = settled(&admin, &server(&admin).await).await;
    assert_eq!(failed["status"], "ERROR", "{failed}");
    let reason = failed["fault"]["message"].as_str().unwrap_or_default();
    assert!(reason.contains("no space left on the host's disk"), "{failed}");
    // Nothing else is hurt, and with some room the next one starts.
    admin.must(&format!("DELETE /compute/v2.1/servers/{}", id(&failed)), Value::Null).await;
    fs::remove_file(&ballast).unwrap();
    let started = settled(&admin, &server(&admin).await).await;
    assert_eq!(started["status"], "ACTIVE", "{started}");
}

#[tokio::test]
async fn a_full_disk_fails_the_upload_with_the_reason() {
    let mut node = Node::new().with_small("images", 256);
    node.start().await;
    let admin = node.admin().await;
    let image =
        id(&admin.must("POST /image/v2/images", json!({"disk_format": "raw", "container_format": "bare"})).await);
    let line = format!("PUT /image/v2/images/{image}/file");
    let answer = admin.raw(&line, vec![0x5a; 1 << 20], "application/octet-stream").await;
    assert_eq!(answer.status, 413, "{answer:?}");
    assert!(answer.body.as_str().is_some_and(|page| page.contains("no space left")), "{answer:?}");
    let path = format!("/image/v2/images/{image}");
    assert_eq!(admin.must(&format!("GET {path}"), Value::Null).await["status"], "queued");
    // What was half written is gone: there is room for a small one.
    let small = admin.raw(&line, vec![0x5a; 1 << 17], "application/octet-stream").await;
    assert_eq!(small.status, 204, "{small:?}");
    assert_eq!(admin.must(&format!("GET {path}"), Value::Null).await["status"], "active");
}

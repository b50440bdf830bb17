//! Images that hosts keep ready, and what is taken of content when its format is not judged.

use crate::world::{Cloud, active, api, create, expect, refused, upload};
use flow::Starter;
use http::testkit::Api;
use image::{ImageDeps, ImageService};
use serde_json::{Value, json};

/// Runs the reconcilers until nothing is queued for a host that is there.
async fn settled(cloud: &Cloud, admin: &Api, left: usize) -> Value {
    let reconcilers = image::reconcilers(&cloud.service);
    let settle = async {
        loop {
            for reconciler in &reconcilers {
                reconciler.reconcile().await.unwrap();
            }
            let state = expect(&admin.call("GET /image/v2/cache", None).await, 200);
            if state["queued_images"].as_array().unwrap().len() == left {
                return state;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), settle).await.expect("hosts keep what was queued")
}

#[tokio::test]
async fn an_image_is_brought_to_every_host_and_given_up() {
    let cloud = Cloud::new().await;
    let (admin, member) = (cloud.api.token("admin"), cloud.api.token("member"));
    cloud.hosts.add(&["h1", "h2", "h3"]);
    cloud.hosts.change("h3", |h| h.refuses = true);
    let id = active(&member, "kept").await;
    let at = format!("/image/v2/cache/{id}");
    refused(&member.call(&format!("PUT {at}"), None).await, 403, "cache_image");
    assert_eq!(member.call("GET /image/v2/cache", None).await.status, 403);
    refused(&admin.call(&format!("PUT /image/v2/cache/{}", crate::world::NOWHERE), None).await, 404, "Failed to find");
    let raw = create(&member, "raw").await;
    refused(&admin.call(&format!("PUT /image/v2/cache/{raw}"), None).await, 400, "status active");

    expect(&admin.call(&format!("PUT {at}"), None).await, 202);
    // One that is away meanwhile gets it when it is back; one that refuses is not asked for ever.
    cloud.hosts.change("h2", |h| h.away = true);
    let waiting = settled(&cloud, &admin, 1).await;
    assert_eq!(waiting["queued_images"], json!([id]));
    cloud.hosts.change("h2", |h| h.away = false);
    let state = settled(&cloud, &admin, 0).await;
    let expected = json!([{"image_id": id, "hits": 4, "size": 4096, "last_accessed": 7, "last_modified": 5}]);
    assert_eq!(state["cached_images"], expected);
    let nodes = expect(&admin.call(&format!("GET /image/v2/cache/nodes/{id}"), None).await, 200);
    assert_eq!(nodes, json!(["h1", "h2"]));

    expect(&admin.call(&format!("DELETE {at}"), None).await, 204);
    assert_eq!(settled(&cloud, &admin, 0).await["cached_images"], json!([]));
}

#[tokio::test]
async fn clearing_cleaning_and_pruning() {
    let cloud = Cloud::new().await;
    let (admin, member) = (cloud.api.token("admin"), cloud.api.token("member"));
    cloud.hosts.add(&["h1"]);
    let (one, two) = (active(&member, "one").await, active(&member, "two").await);
    let keep = async |id: &str| expect(&admin.call(&format!("PUT /image/v2/cache/{id}"), None).await, 202);
    let kept = async || settled(&cloud, &admin, 0).await["cached_images"].as_array().unwrap().len();
    keep(&one).await;
    keep(&two).await;
    assert_eq!(kept().await, 2);

    // What no image is made of is cleaned away, and nothing else.
    cloud.hosts.change("h1", |h| assert!(h.kept.insert("f".repeat(128))));
    expect(&admin.call("POST /image/v2/cache/clean", None).await, 200);
    cloud.hosts.change("h1", |h| assert_eq!(h.kept.len(), 2));

    let target = |name: &str| admin.with("x-image-cache-clear-target", name);
    refused(&target("invalid").call("DELETE /image/v2/cache", None).await, 400, "must be 'cache', 'queue'");
    expect(&target("queue").call("DELETE /image/v2/cache", None).await, 204);
    assert_eq!(kept().await, 2);
    expect(&target("").call("DELETE /image/v2/cache", None).await, 204);
    assert_eq!(kept().await, 0);

    // A request that is taken back is not carried out.
    cloud.hosts.change("h1", |h| h.away = true);
    keep(&one).await;
    cloud.hosts.change("h1", |h| h.away = false);
    keep(&one).await;
    expect(&target("queue").call("DELETE /image/v2/cache", None).await, 204);
    assert_eq!(kept().await, 0);
    keep(&one).await;
    kept().await;
    let pruned = expect(&admin.call("POST /image/v2/cache/prune", None).await, 200);
    assert_eq!(pruned, json!({"total_files_pruned": 1, "total_bytes_pruned": 4096}));
}

#[tokio::test]
async fn where_formats_are_not_judged_what_is_unsafe_is_refused_still() {
    let cloud = Cloud::new().await;
    let loose = ImageDeps { require_format_match: false, ..cloud.deps(&Starter::new("h1".into())) };
    let loose = api(&ImageService::new(loose).unwrap()).token("member");
    let id = create(&loose, "qcow2").await;
    expect(&upload(&loose, &id, "no qcow2 at all").await, 204);
    assert_eq!(cloud.image(&id).virtual_size, Some(15));

    let id = create(&loose, "raw").await;
    let mut backed = vec![0u8; 4096];
    backed[..8].copy_from_slice(&[0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 2]);
    backed[15] = 72; // a backing file's name begins here
    backed[19] = 11;
    backed[72..83].copy_from_slice(b"/etc/passwd");
    refused(&upload(&loose, &id, backed).await, 400, "backing file");
}

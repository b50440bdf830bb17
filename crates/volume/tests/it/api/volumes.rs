use crate::world::{Cloud, IMAGE, NOWHERE, P1, P2, create, expect, refused, snapshot};
use ports::ImageInfo;
use serde_json::{Value, json};

#[tokio::test]
async fn a_volume_is_made_shown_changed_grown_and_deleted() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let member = api.token("member");
    let new = json!({"volume": {"size": 1, "name": "v", "description": "d", "metadata": {"a": "b"}}});
    let made = expect(&member.call("POST /volume/v3/volumes", new).await, 202);
    let id = made["volume"]["id"].as_str().unwrap().to_owned();
    assert_eq!(made["volume"]["status"], "creating");
    assert!(
        made["volume"].get("os-vol-tenant-attr:tenant_id").is_none(),
        "shown, but not told when it is made: {made}"
    );
    cloud.reach(&id, "available").await;
    let shown = expect(&member.call(&format!("GET /volume/v3/{P1}/volumes/{id}"), None).await, 200);
    let fields = ["name", "description", "size", "status", "bootable", "volume_type", "availability_zone", "metadata"];
    let values: Vec<_> = fields.iter().map(|f| shown["volume"][*f].clone()).collect();
    assert_eq!(json!(values), json!(["v", "d", 1, "available", "false", "__DEFAULT__", "nova", {"a": "b"}]));
    assert_eq!(shown["volume"]["os-vol-tenant-attr:tenant_id"], P1);
    assert!(shown["volume"].get("os-vol-host-attr:host").is_none(), "only for administrators");
    let admins = expect(&api.token("admin").call(&format!("GET /volume/v3/volumes/{id}"), None).await, 200);
    assert_eq!(admins["volume"]["os-vol-host-attr:host"], "h1@fake#paper");

    let change = json!({"volume": {"name": "w"}});
    let changed = expect(&member.call(&format!("PUT /volume/v3/volumes/{id}"), change).await, 200);
    assert_eq!((&changed["volume"]["name"], &changed["volume"]["description"]), (&json!("w"), &json!("d")));
    let action = format!("POST /volume/v3/volumes/{id}/action");
    expect(&member.call(&action, json!({"os-extend": {"new_size": 2}})).await, 202);
    assert_eq!(cloud.reach(&id, "available").await.size_gib, 2);
    refused(&member.call(&action, json!({"os-extend": {"new_size": 2}})).await, 400, "badRequest", "greater than");
    expect(&member.call(&format!("DELETE /volume/v3/volumes/{id}"), None).await, 202);
    cloud.gone(&id).await;
    refused(
        &member.call(&format!("GET /volume/v3/volumes/{id}"), None).await,
        404,
        "itemNotFound",
        "could not be found",
    );
    cloud.assert_clean("deleted");
}

/// Nova's images of servers that run from volumes.
#[tokio::test]
async fn an_image_of_snapshots_is_its_root_disks() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let member = api.token("member");
    let origin = create(&member, json!({"size": 2, "imageRef": IMAGE})).await;
    cloud.reach(&origin, "available").await;
    let root = snapshot(&member, &origin).await;
    cloud.reach_snapshot(&root, "available").await;
    let image = async |id: &str, root: &str| {
        let other = json!({"source_type": "snapshot", "snapshot_id": NOWHERE, "boot_index": null});
        let root = json!({"source_type": "snapshot", "snapshot_id": root, "boot_index": 0, "volume_size": 2});
        let mapping = ("block_device_mapping".to_owned(), json!([other, root]).to_string());
        let info =
            ImageInfo { id: id.into(), status: "active".into(), properties: [mapping].into(), ..ImageInfo::default() };
        cloud.images.put_with(info).await;
    };
    let (whole, rootless) = ("image-of-snapshots", "image-of-none");
    image(whole, &root).await;
    image(rootless, NOWHERE).await;
    let newer = api.token("member").with("openstack-api-version", "volume 3.46");
    let made = newer.call("POST /volume/v3/volumes", json!({"volume": {"size": 3, "imageRef": whole}})).await;
    let made = expect(&made, 202)["volume"]["id"].as_str().unwrap().to_owned();
    let volume = cloud.reach(&made, "available").await;
    assert_eq!((volume.size_gib, volume.bootable, volume.snapshot.as_deref()), (3, true, Some(root.as_str())));
    assert_eq!(volume.image, None);
    let none = newer.call("POST /volume/v3/volumes", json!({"volume": {"size": 3, "imageRef": rootless}})).await;
    refused(&none, 404, "itemNotFound", "Nova specific image is found, but boot volume snapshot id");
    let both = json!({"volume": {"size": 3, "imageRef": whole, "snapshot_id": root}});
    refused(&newer.call("POST /volume/v3/volumes", both).await, 400, "badRequest", "only one of");
    // Before, Cinder made volumes of bytes only.
    let older = create(
        &api.token("member").with("openstack-api-version", "volume 3.45"),
        json!({"size": 3, "imageRef": whole}),
    )
    .await;
    let older = cloud.reach(&older, "available").await;
    assert_eq!((older.snapshot.as_ref(), older.image.as_deref()), (None, Some(whole)));
    cloud.assert_clean("made of a snapshot");
}

#[tokio::test]
async fn what_a_volume_is_made_of_decides() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let member = api.token("member");
    let id = create(&member, json!({"size": 2, "imageRef": IMAGE})).await;
    cloud.reach(&id, "available").await;
    let shown = expect(&member.call(&format!("GET /volume/v3/volumes/{id}"), None).await, 200)["volume"].take();
    assert_eq!((&shown["bootable"], &shown["volume_image_metadata"]["image_id"]), (&json!("true"), &json!(IMAGE)));
    let clone = create(&member, json!({"source_volid": id})).await;
    let cloned = cloud.reach(&clone, "available").await;
    assert_eq!((cloned.size_gib, cloned.bootable), (2, true));
    for (new, words) in [
        (json!({"size": 1, "source_volid": id}), "cannot be smaller"),
        (json!({"size": 1, "imageRef": NOWHERE}), "Invalid image identifier"),
        (json!({"imageRef": IMAGE}), "size must be given"),
        (json!({"size": 2, "source_volid": id, "imageRef": IMAGE}), "only one of"),
        (json!({"size": 1, "availability_zone": "mars"}), "Availability zone 'mars' is invalid"),
    ] {
        let answer = member.call("POST /volume/v3/volumes", json!({"volume": new})).await;
        refused(&answer, 400, "badRequest", words);
    }
    for new in [
        json!({"size": 1, "source_volid": NOWHERE}),
        json!({"size": 1, "snapshot_id": NOWHERE}),
        json!({"size": 1, "volume_type": "none"}),
    ] {
        let answer = member.call("POST /volume/v3/volumes", json!({"volume": new})).await;
        refused(&answer, 404, "itemNotFound", "could not be found");
    }
    cloud.assert_clean("refused");
}

#[tokio::test]
async fn quota_is_claimed_and_given_back() {
    let (cloud, id) = Cloud::with_volume(3).await;
    let (api, _engine) = cloud.process();
    let (member, admin) = (api.token("member"), api.token("admin"));
    let limits = json!({"quota_set": {"gigabytes": 4, "volumes": 2}});
    expect(&admin.call(&format!("PUT /volume/v3/os-quota-sets/{P1}"), limits).await, 200);
    let usage = async || {
        let shown = member.call(&format!("GET /volume/v3/os-quota-sets/{P1}?usage=true"), None).await;
        let set = expect(&shown, 200)["quota_set"].take();
        (set["volumes"]["in_use"].clone(), set["gigabytes"]["in_use"].clone())
    };
    assert_eq!(usage().await, (json!(1), json!(3)));
    let over = member.call("POST /volume/v3/volumes", json!({"volume": {"size": 2}})).await;
    refused(&over, 413, "overLimit", "gigabytes");
    let extend = json!({"os-extend": {"new_size": 5}});
    let over = member.call(&format!("POST /volume/v3/volumes/{id}/action"), extend).await;
    refused(&over, 413, "overLimit", "gigabytes");
    assert_eq!(usage().await, (json!(1), json!(3)));
    expect(&member.call(&format!("DELETE /volume/v3/volumes/{id}"), None).await, 202);
    cloud.gone(&id).await;
    assert_eq!(usage().await, (json!(0), json!(0)));
}

#[tokio::test]
async fn another_projects_volume_does_not_exist() {
    let (cloud, id) = Cloud::with_volume(1).await;
    let (api, _engine) = cloud.process();
    let (other, reader) = (api.token("other"), api.token("reader"));
    let requests = [
        ("GET", "", None),
        ("PUT", "", Some(json!({"volume": {"name": "mine"}}))),
        ("DELETE", "", None),
        ("POST", "/action", Some(json!({"os-extend": {"new_size": 2}}))),
        ("POST", "/action", Some(json!({"os-set_bootable": {"bootable": true}}))),
        ("POST", "/action", Some(json!({"os-volume_upload_image": {"image_name": "stolen"}}))),
        ("GET", "/metadata", None),
        ("POST", "/metadata", Some(json!({"metadata": {"a": "b"}}))),
    ];
    for (method, tail, body) in requests {
        let answer = other.call(&format!("{method} /volume/v3/volumes/{id}{tail}"), body.clone()).await;
        refused(&answer, 404, "itemNotFound", &id);
        if method != "GET" {
            let answer = reader.call(&format!("{method} /volume/v3/volumes/{id}{tail}"), body).await;
            refused(&answer, 403, "forbidden", "Policy doesn't allow");
        }
    }
    for new in [json!({"volume": {"source_volid": id}}), json!({"volume": {"size": 1, "source_volid": id}})] {
        refused(&other.call("POST /volume/v3/volumes", new).await, 404, "itemNotFound", &id);
    }
    let list = expect(&other.call("GET /volume/v3/volumes/detail?all_tenants=1", None).await, 200);
    assert_eq!(list, json!({"volumes": []}));
    let foreign = other.call(&format!("GET /volume/v3/{P1}/volumes"), None).await;
    refused(&foreign, 400, "badRequest", "Malformed request url");
    expect(&other.call(&format!("GET /volume/v3/{P2}/volumes"), None).await, 200);
    assert_eq!(cloud.volume(&id).name, None);
}

#[tokio::test]
async fn lists_are_filtered_sorted_and_paged() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let member = api.token("member");
    for (name, size) in [("a", 3), ("b", 1), ("c", 2)] {
        let id = create(&member, json!({"name": name, "size": size, "metadata": {"n": name}})).await;
        cloud.reach(&id, "available").await;
    }
    let names = |body: &Value| {
        let rows = body["volumes"].as_array().unwrap().iter();
        rows.map(|v| v["name"].as_str().unwrap().to_owned()).collect::<String>()
    };
    for (query, expected) in [
        ("", "cba"),
        ("sort=size:asc", "bca"),
        ("sort_key=name&sort_dir=asc", "abc"),
        ("name=b", "b"),
        ("status=error", ""),
        ("metadata=%7B%27n%27%3A%20%27c%27%7D", "c"),
        ("limit=2", "cb"),
        ("limit=0", ""),
    ] {
        let body = expect(&member.call(&format!("GET /volume/v3/volumes/detail?{query}"), None).await, 200);
        assert_eq!(names(&body), expected, "{query}");
    }
    let page = expect(&member.call("GET /volume/v3/volumes?limit=2", None).await, 200);
    let next = page["volumes_links"][0]["href"].as_str().unwrap().to_owned();
    let next = next.strip_prefix("http://cloud.test:5000").unwrap();
    assert_eq!(names(&expect(&member.call(&format!("GET {next}"), None).await, 200)), "a");
    for query in ["limit=-1", "limit=x", "sort=colour:asc", "sort=name:sideways"] {
        let answer = member.call(&format!("GET /volume/v3/volumes?{query}"), None).await;
        refused(&answer, 400, "badRequest", "");
    }
    refused(&member.call(&format!("GET /volume/v3/volumes?marker={NOWHERE}"), None).await, 404, "itemNotFound", "");
}

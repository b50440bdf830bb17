//! Backups, as clients make and use them.

use crate::world::{Cloud, backup, expect, flows, refused};
use serde_json::json;

#[tokio::test]
async fn a_chain_is_removed_from_its_end() {
    let (cloud, volume) = Cloud::with_volume(1).await;
    let (api, _engine) = cloud.process();
    let member = api.token("member");
    let early = json!({"backup": {"volume_id": volume, "incremental": true}});
    refused(&member.call("POST /volume/v3/backups", early).await, 400, "badRequest", "full backup");
    let first = backup(&cloud, &member, json!({"volume_id": volume, "container": "box", "name": "one"})).await;
    let second = backup(&cloud, &member, json!({"volume_id": volume, "incremental": true})).await;
    let shown = expect(&member.call(&format!("GET /volume/v3/backups/{first}"), None).await, 200)["backup"].take();
    assert_eq!((&shown["container"], &shown["object_count"]), (&json!("box"), &json!(2)));
    assert_eq!((&shown["has_dependent_backups"], &shown["is_incremental"]), (&json!(true), &json!(false)));
    let all = expect(&member.call("GET /volume/v3/backups/detail?sort=created_at:asc", None).await, 200);
    assert_eq!((&all["backups"][1]["id"], &all["backups"][1]["is_incremental"]), (&json!(second), &json!(true)));
    refused(&member.call(&format!("DELETE /volume/v3/backups/{first}"), None).await, 400, "badRequest", "Incremental");
    for id in [&second, &first] {
        expect(&member.call(&format!("DELETE /volume/v3/backups/{id}"), None).await, 202);
        cloud.until("the backup to go", |v| (!v.contains::<volume::Backup>(id) && flows(v) == 0).then_some(())).await;
    }
    cloud.assert_clean("gone");
}

/// Who has an increment may delete what it is built on.
#[tokio::test]
async fn increments_are_of_the_projects_own_backups() {
    let (cloud, volume) = Cloud::with_volume(1).await;
    let (api, _engine) = cloud.process();
    let (member, admin) = (api.token("member"), api.token("admin"));
    let increment = json!({"backup": {"volume_id": volume, "incremental": true}});
    let of = async |id: &str| {
        let shown = expect(&admin.call(&format!("GET /volume/v3/backups/{id}"), None).await, 200);
        shown["backup"]["has_dependent_backups"].as_bool().unwrap()
    };
    let theirs = backup(&cloud, &member, json!({"volume_id": volume})).await;
    refused(&admin.call("POST /volume/v3/backups", increment).await, 400, "badRequest", "full backup");
    let own = backup(&cloud, &admin, json!({"volume_id": volume})).await;
    backup(&cloud, &member, json!({"volume_id": volume, "incremental": true})).await;
    assert_eq!((of(&theirs).await, of(&own).await), (true, false));
    backup(&cloud, &admin, json!({"volume_id": volume, "incremental": true})).await;
    assert!(of(&own).await);
    cloud.assert_clean("increments");
}

#[tokio::test]
async fn a_backup_that_is_restored_says_so() {
    let (cloud, volume) = Cloud::with_volume(1).await;
    let (id, made) = {
        let (api, engine) = cloud.process();
        let member = api.token("member");
        let id = backup(&cloud, &member, json!({"volume_id": volume})).await;
        drop(engine);
        let idle = cloud.api(&flow::Starter::new("idle".into())).token("member");
        let restore = format!("POST /volume/v3/backups/{id}/restore");
        let made = expect(&idle.call(&restore, json!({"restore": {}})).await, 202)["restore"].take();
        refused(&idle.call(&restore, json!({"restore": {}})).await, 400, "badRequest", "must be available");
        (id, made)
    };
    let status = || cloud.store.snapshot().get::<volume::Backup>(id.as_str()).unwrap().status.as_str();
    assert_eq!(status(), "restoring");
    cloud.assert_clean("restoring");
    let (_api, _engine) = cloud.process();
    cloud.reach(made["volume_id"].as_str().unwrap(), "available").await;
    assert_eq!(status(), "available");
    cloud.assert_clean("restored");
}

#[tokio::test]
async fn a_backup_becomes_a_volume_and_a_record() {
    let (cloud, volume) = Cloud::with_volume(1).await;
    let (api, _engine) = cloud.process();
    let (member, admin) = (api.token("member"), api.token("admin"));
    let id = backup(&cloud, &member, json!({"volume_id": volume})).await;
    let restore = format!("POST /volume/v3/backups/{id}/restore");
    let made = expect(&member.call(&restore, json!({"restore": {"name": "again"}})).await, 202)["restore"].take();
    let restored = cloud.reach(made["volume_id"].as_str().unwrap(), "available").await;
    assert_eq!((restored.name.as_deref(), restored.backup.as_ref()), (Some("again"), Some(&id)));
    refused(&api.token("other").call(&restore, json!({"restore": {}})).await, 404, "itemNotFound", &id);
    refused(&api.token("reader").call(&restore, json!({"restore": {}})).await, 403, "forbidden", "backup:restore");

    let export = format!("GET /volume/v3/backups/{id}/export_record");
    refused(&member.call(&export, None).await, 403, "forbidden", "export-import");
    let record = expect(&admin.call(&export, None).await, 200);
    let import = "POST /volume/v3/backups/import_record";
    refused(&admin.call(import, record.clone()).await, 400, "badRequest", "already exists");
    let forget = cloud.store.transact("test", {
        let id = id.clone();
        move |tx| {
            tx.delete::<volume::Backup>(&id);
            Ok(())
        }
    });
    forget.await.unwrap();
    let known = expect(&admin.call(import, record).await, 201);
    assert_eq!(known["backup"]["id"], id);
    let garbage = json!({"backup-record": {"backup_service": "x", "backup_url": "eA=="}});
    refused(&admin.call(import, garbage).await, 400, "badRequest", "x");
}

#[tokio::test]
async fn what_is_in_use_is_backed_up_by_force() {
    let (cloud, volume) = Cloud::with_volume(1).await;
    let (api, _engine) = cloud.process();
    let member = api.token("member");
    let attach = json!({"os-attach": {"instance_uuid": crate::world::SERVER, "mountpoint": "/dev/vdb"}});
    expect(&member.call(&format!("POST /volume/v3/volumes/{volume}/action"), attach).await, 202);
    let shy = json!({"backup": {"volume_id": volume}});
    refused(&member.call("POST /volume/v3/backups", shy).await, 400, "badRequest", "force");
    backup(&cloud, &member, json!({"volume_id": volume, "force": true})).await;
    assert_eq!(cloud.volume(&volume).status.as_str(), "in-use");
}

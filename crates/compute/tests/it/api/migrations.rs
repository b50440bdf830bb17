//! Migrations, as those who may see them do.

use crate::world::{Cloud, expect, id_of, new_server};
use compute::model::{
    Migration,
    migration::{MigrationKind, MigrationStatus, Progress, Transferred},
};
use kernel::Timestamp;
use serde_json::Value;

/// One that has been confirmed, from h1 to h2 (number 1), and a live one that is under way (number 2).
pub async fn two_migrations(cloud: &Cloud, server: &str) {
    let cold = Migration {
        id: "88888888-8888-4888-8888-888888888888".into(),
        number: 1,
        kind: MigrationKind::Resize,
        status: MigrationStatus::Confirmed,
        server: server.into(),
        project: "p1".into(),
        user: "mia".into(),
        source: "h1".into(),
        dest: Some("h2".into()),
        old_flavor: 1,
        new_flavor: 2,
        holds: None,
        plan: None,
        why: None,
        progress: None,
        created: Timestamp::from_secs(100),
        updated: Some(Timestamp::from_secs(200)),
    };
    let memory = Transferred { total: 30, processed: 20, remaining: 10 };
    let live = Migration {
        id: "99999999-9999-4999-8999-999999999999".into(),
        number: 2,
        kind: MigrationKind::Live,
        status: MigrationStatus::Running,
        project: "admin".into(),
        dest: None,
        why: None,
        progress: Some(Progress { memory, disk: Transferred::default() }),
        created: Timestamp::from_secs(300),
        updated: None,
        ..cold.clone()
    };
    let put = cloud.store.transact("test", move |tx| {
        tx.put(cold.clone());
        tx.put(live.clone());
        Ok(())
    });
    put.await.unwrap();
}

async fn with_two() -> (Cloud, String) {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let id = id_of(&expect(&api.token("member").call("POST /compute/v2.1/servers", new_server()).await, 202));
    cloud.reach(&id, "ACTIVE").await;
    two_migrations(&cloud, &id).await;
    (cloud, id)
}

fn numbers(body: &Value) -> Vec<u64> {
    body["migrations"].as_array().unwrap().iter().map(|m| m["id"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn who_may_list_which() {
    let (cloud, _) = with_two().await;
    let (api, _engine) = cloud.process();
    for (who, query, expected) in [
        ("admin", "", Some(&[2, 1][..])),
        ("admin", "?project_id=p1", Some(&[1])),
        ("manager", "", None),
        ("manager", "?project_id=admin", None),
        ("manager", "?project_id=p1", Some(&[1])),
        ("member", "?project_id=p1", None),
        ("admin", "?status=running", Some(&[2])),
        ("admin", "?migration_type=resize&host=h2", Some(&[1])),
        ("admin", "?source_compute=h2", Some(&[])),
        ("admin", "?hidden=1", Some(&[])),
        ("admin", "?changes-since=1970-01-01T00:04:00Z", Some(&[2])),
        ("admin", "?changes-before=1970-01-01T00:04:00Z", Some(&[1])),
        ("admin", "?limit=1", Some(&[2])),
        ("admin", "?limit=1&marker=99999999-9999-4999-8999-999999999999", Some(&[1])),
    ] {
        let asker = api.token(who).with("openstack-api-version", "compute 2.80");
        let answer = asker.call(&format!("GET /compute/v2.1/os-migrations{query}"), None).await;
        match expected {
            Some(expected) => assert_eq!(numbers(&expect(&answer, 200)), expected, "{who} {query}"),
            None => assert_eq!(answer.status, 403, "{who} {query}"),
        }
    }
    let manager = api.token("manager").with("openstack-api-version", "compute 2.80");
    let own = expect(&manager.call("GET /compute/v2.1/os-migrations?project_id=p1", None).await, 200);
    assert_eq!(own["migrations"][0]["source_compute"], Value::Null, "hosts are for administrators");
    let admin = api.token("admin").with("openstack-api-version", "compute 2.80");
    for query in ["marker=unknown", "changes-since=2020-01-02T00:00:00Z&changes-before=2020-01-01T00:00:00Z", "x=y"] {
        expect(&admin.call(&format!("GET /compute/v2.1/os-migrations?{query}"), None).await, 400);
    }
    let page = expect(&admin.call("GET /compute/v2.1/os-migrations?limit=1", None).await, 200);
    let next = page["migrations_links"][0]["href"].as_str().unwrap();
    assert!(next.contains("marker=99999999-9999-4999-8999-999999999999"), "{next}");
}

#[tokio::test]
async fn below_a_server_are_live_ones_under_way() {
    let (cloud, id) = with_two().await;
    let (api, _engine) = cloud.process();
    let admin = api.token("admin").with("openstack-api-version", "compute 2.80");
    let path = format!("GET /compute/v2.1/servers/{id}/migrations");
    assert_eq!(numbers(&expect(&admin.call(&path, None).await, 200)), [2]);
    for (number, text) in [
        ("1", format!("Migration 1 for server {id} is not live-migration.")),
        ("3", format!("In-progress live migration 3 is not found for server {id}.")),
    ] {
        let refused = expect(&admin.call(&format!("{path}/{number}"), None).await, 404);
        assert_eq!(refused["itemNotFound"]["message"], text);
    }
    let old = api.token("admin").with("openstack-api-version", "compute 2.22");
    expect(&old.call(&path, None).await, 404);
}

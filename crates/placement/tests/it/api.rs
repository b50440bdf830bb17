use super::{report, request, with_hosts};
use http::testkit::{Api, Tokens, deps, member_of};
use kernel::Timestamp;
use placement::{
    Scheduler,
    api::{Placement, router},
    model::ProviderId,
};
use policy::Policies;
use ports::Placer;
use serde_json::{Value, json};

async fn api() -> Api {
    let store = with_hosts(&Scheduler::default(), vec![report("h1", 2, 2048), report("h2", 4, 4096)]).await;
    let claim =
        |tx: &mut store::Tx| Scheduler::default().claim(tx, &request("c1", 1, 512, &["h1"]), Timestamp::from_secs(3));
    store.transact("test", claim).await.unwrap();
    let tokens = Tokens::default()
        .with("admin", member_of("p0", "ann", &["admin", "member", "reader"]))
        .with("reader", member_of("p1", "ray", &["reader"]));
    let policies = Policies::new(&[&placement::policy::POLICY]).unwrap();
    Api::new(router(Placement { store }, deps(tokens, policies)))
}

fn at(api: &Api, version: &str) -> Api {
    api.with("openstack-api-version", &format!("placement {version}"))
}

#[tokio::test]
async fn versions_are_told_without_a_token() {
    let api = api().await;
    for path in ["GET /placement", "GET /placement/"] {
        let answer = api.call(path, None).await;
        let expect = json!({"versions": [{"id": "v1.0", "status": "CURRENT", "min_version": "1.0", "max_version": "1.39",
            "links": [{"rel": "self", "href": "http://cloud.test:5000/placement/"}]}]});
        assert_eq!((answer.status, answer.json()), (200, expect), "{path}");
    }
    assert_eq!(api.call("GET /placement/resource_providers", None).await.status, 401);
    assert_eq!(api.token("reader").call("GET /placement/resource_providers", None).await.status, 403);
    assert_eq!(at(&api, "1.40").token("admin").call("GET /placement/resource_providers", None).await.status, 406);
}

#[tokio::test]
async fn sub_resources_begin_with_their_version() {
    let api = api().await.token("admin");
    let id = ProviderId::of_host(&"h1".into());
    for (path, minor) in [
        (format!("/resource_providers/{id}/aggregates"), 1),
        ("/resource_classes".into(), 2),
        ("/resource_classes/VCPU".into(), 2),
        (format!("/resource_providers/{id}/traits"), 6),
        ("/traits".into(), 6),
        ("/usages?project_id=p1".into(), 9),
        ("/allocation_candidates?resources=VCPU:1".into(), 10),
    ] {
        let request = format!("GET /placement{path}");
        assert_eq!(at(&api, &format!("1.{}", minor - 1)).call(&request, None).await.status, 404, "{path}");
        assert_eq!(at(&api, &format!("1.{minor}")).call(&request, None).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let api = at(&api().await.token("admin"), "1.39");
    for path in [
        "/resource_providers/none",
        "/resource_providers/none/usages",
        "/resource_classes/APPLES",
        "/traits/CUSTOM_NONE",
        "/nothing",
    ] {
        let answer = api.call(&format!("GET /placement{path}"), None).await;
        assert_eq!((answer.status, answer.json()["errors"][0]["status"].clone()), (404, json!(404)), "{path}");
    }
    let id = ProviderId::of_host(&"h1".into());
    assert_eq!(api.call(&format!("GET /placement/resource_providers/{id}/inventories/VGPU"), None).await.status, 404);
    assert_eq!(api.call("GET /placement/traits/HW_ARCH_X86_64", None).await.status, 204);
    assert_eq!(api.call("GET /placement/allocations/nobody", None).await.json(), json!({"allocations": {}}));
}

#[tokio::test]
async fn queries_choose_or_are_refused() {
    let api = at(&api().await.token("admin"), "1.39");
    let check = async |path: &str, key: &str, expect: Option<usize>| {
        let answer = api.call(&format!("GET /placement{path}"), None).await;
        let found = answer.json().get(key).map(|list| list.as_array().map_or(0, Vec::len));
        assert_eq!(
            (answer.status, found),
            (if expect.is_some() { 200 } else { 400 }, expect),
            "{path}: {}",
            answer.text()
        );
    };
    let id = ProviderId::of_host(&"h1".into());
    for (query, expect) in [
        ("", Some(2)),
        ("?name=h1", Some(1)),
        ("?name=h3", Some(0)),
        (&format!("?uuid={id}"), Some(1)),
        (&format!("?in_tree={id}"), Some(1)),
        ("?resources=VCPU:3", Some(1)),
        ("?required=HW_ARCH_X86_64", Some(2)),
        ("?required=!HW_ARCH_X86_64", Some(0)),
        ("?required=in:HW_ARCH_X86_64,HW_ARCH_AARCH64", Some(2)),
        (&format!("?member_of=in:{id},{id}"), Some(0)),
        (&format!("?member_of=!{id}"), Some(2)),
        ("?member_of=a", None),
        ("?uuid=a", None),
        ("?resources=APPLES:3", None),
        ("?required=CUSTOM_NONE", None),
        ("?colour=red", None),
    ] {
        check(&format!("/resource_providers{query}"), "resource_providers", expect).await;
    }
    for (query, expect) in [
        ("resources=VCPU:1", Some(2)),
        ("resources=VCPU:1&limit=1", Some(1)),
        ("resources=MEMORY_MB:3000", Some(1)),
        ("resources=VCPU:1&limit=0", None),
        ("required=HW_ARCH_X86_64", None),
        ("", None),
    ] {
        check(&format!("/allocation_candidates?{query}"), "allocation_requests", expect).await;
    }
}

#[tokio::test]
async fn usages_of_a_project_are_for_its_readers() {
    let api = at(&api().await, "1.37");
    let own = api.token("reader").call("GET /placement/usages?project_id=p1", None).await;
    assert_eq!(own.json(), json!({"usages": {"DISK_GB": 1, "MEMORY_MB": 512, "VCPU": 1}}));
    assert_eq!(api.token("reader").call("GET /placement/usages?project_id=p2", None).await.status, 403);
    assert_eq!(api.token("reader").call("GET /placement/usages", None).await.status, 403);
    assert_eq!(api.token("admin").call("GET /placement/usages", None).await.status, 400);
    let other_user = api.token("admin").call("GET /placement/usages?project_id=p1&user_id=else", None).await;
    assert_eq!(other_user.json(), json!({"usages": {}}));
}

/// Everything at the first version, at each change, and at the last: the keys are what changes.
pub(super) async fn all_views(version: &str) -> Value {
    let api = at(&api().await.token("admin"), version);
    let id = ProviderId::of_host(&"h1".into());
    let mut views = json!({});
    for path in [
        "resource_providers?name=h1",
        &format!("resource_providers/{id}"),
        &format!("resource_providers/{id}/inventories"),
        &format!("resource_providers/{id}/inventories/VCPU"),
        &format!("resource_providers/{id}/usages"),
        &format!("resource_providers/{id}/aggregates"),
        &format!("resource_providers/{id}/traits"),
        &format!("resource_providers/{id}/allocations"),
        "allocations/c1",
        "usages?project_id=p1",
        "resource_classes/VCPU",
        "allocation_candidates?resources=VCPU:3",
        "allocation_candidates?resources=VCPU:1&required=!HW_ARCH_X86_64",
        "allocation_candidates?resources1=VCPU:1&resources2=MEMORY_MB:1&group_policy=isolate&limit=1",
        &format!("resource_providers?in_tree={id}"),
        "resource_providers?resources=VCPU:1",
        "traits?name=in:HW_ARCH_X86_64",
        "usages?project_id=p1&consumer_type=all",
    ] {
        let answer = api.call(&format!("GET /placement/{path}"), None).await;
        let dated = !answer.header("last-modified").is_empty() && answer.header("cache-control") == "no-cache";
        let shown = path.replace(id.as_str(), "h1");
        views[shown] = json!({"status": answer.status, "dated": dated, "body": answer.json()});
    }
    views
}

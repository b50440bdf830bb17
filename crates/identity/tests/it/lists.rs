use crate::cloud::{BASE, Calls, Cloud, config};
use serde_json::json;

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repetition() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    for n in 0..7 {
        admin.create("group", json!({"name": format!("g{n}")})).await;
    }
    let (mut path, mut seen) = (format!("{BASE}/groups?limit=3&name__startswith=g"), Vec::new());
    for _ in 0..3 {
        let local = path.strip_prefix(BASE).unwrap().to_owned();
        let page = admin.expect(200, &format!("GET {local}"), None).await;
        assert_eq!(page["links"]["self"], path);
        seen.extend(page["groups"].as_array().unwrap().iter().map(|g| g["name"].as_str().unwrap().to_owned()));
        match page["links"]["next"].as_str() {
            Some(next) => path = next.to_owned(),
            None => {
                assert!(page.get("truncated").is_none());
                break;
            }
        }
        assert_eq!(page["truncated"], true);
    }
    seen.sort();
    assert_eq!(seen, ["g0", "g1", "g2", "g3", "g4", "g5", "g6"]);
    admin.expect(404, "GET /groups?marker=nothing", None).await;
    admin.expect(400, "GET /groups?limit=x", None).await;
}

#[tokio::test]
async fn the_operators_limit_holds_for_every_list() {
    let mut config = config();
    config.list_limit = Some(2);
    let cloud = Cloud::with(config).await;
    let admin = cloud.admin().await;
    for name in ["a", "b", "c"] {
        admin.user(name).await;
        admin.create("project", json!({"name": name})).await;
        admin.create("domain", json!({"name": name})).await;
        admin.create("group", json!({"name": name})).await;
    }
    for list in ["users", "projects", "domains", "groups", "roles", "services", "endpoints"] {
        let page = admin.expect(200, &format!("GET /{list}?limit=100"), None).await;
        assert_eq!((page[list].as_array().unwrap().len(), &page["truncated"]), (2, &json!(true)), "{list}");
    }
}

#[tokio::test]
async fn filters_by_comparators() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    for name in ["Anna", "hanna", "bob"] {
        admin.user(name).await;
    }
    admin.create("user", json!({"name": "off", "enabled": false})).await;
    for (query, count) in [
        ("name=bob", 1),
        ("name__icontains=ANNA", 2),
        ("name__contains=anna", 1),
        ("name__istartswith=a", 2),
        ("name__endswith=nna", 2),
        ("enabled=false", 1),
        ("enabled=0", 1),
        ("enabled", 4),
        ("domain_id=default", 5),
        ("domain_id=nowhere", 0),
        ("colour=red", 5),
    ] {
        let found = admin.expect(200, &format!("GET /users?{query}"), None).await;
        assert_eq!(found["users"].as_array().unwrap().len(), count, "{query}: {found}");
    }
}

use crate::cloud::{BASE, Calls, Cloud, PASSWORD, bootstrap_spec, on_project, on_system};
use identity::BootstrapSpec;
use serde_json::{Value, json};

fn catalog_of(token: &Value) -> Vec<(String, Vec<String>)> {
    let services = token["token"]["catalog"].as_array().unwrap();
    let mut all: Vec<_> = services
        .iter()
        .map(|s| {
            let endpoints = s["endpoints"].as_array().unwrap();
            let mut urls: Vec<_> = endpoints
                .iter()
                .map(|e| format!("{} {}", e["interface"].as_str().unwrap(), e["url"].as_str().unwrap()))
                .collect();
            urls.sort();
            (s["type"].as_str().unwrap().to_owned(), urls)
        })
        .collect();
    all.sort();
    all
}

#[tokio::test]
async fn a_new_cloud_has_every_service_under_its_base() {
    let cloud = Cloud::new().await;
    let token = cloud.login("admin", PASSWORD, on_project("admin")).await.json();
    let at = |path: &str| ["admin", "internal", "public"].map(|i| format!("{i} http://cloud.test:5000{path}")).to_vec();
    assert_eq!(
        catalog_of(&token),
        [
            ("block-storage".to_owned(), at("/volume/v3")),
            ("compute".to_owned(), at("/compute/v2.1")),
            ("identity".to_owned(), at("/identity/v3")),
            ("image".to_owned(), at("/image")),
            ("key-manager".to_owned(), at("/key-manager")),
            ("network".to_owned(), at("/network")),
            ("placement".to_owned(), at("/placement")),
            ("volumev3".to_owned(), at("/volume/v3")),
        ]
    );
}

#[tokio::test]
async fn bootstrapping_again_moves_only_addresses_that_nobody_touched() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let before = cloud.identity.store().snapshot().revision();
    identity::bootstrap(&cloud.identity, bootstrap_spec()).await.unwrap();
    assert_eq!(cloud.identity.store().snapshot().revision(), before, "nothing to do, nothing written");
    let image =
        admin.expect(200, "GET /services?type=image", None).await["services"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("GET /endpoints?service_id={image}&interface=public");
    let endpoint = admin.expect(200, &path, None).await["endpoints"][0]["id"].as_str().unwrap().to_owned();
    let own = json!({"endpoint": {"url": "https://images.example"}});
    admin.expect(200, &format!("PATCH /endpoints/{endpoint}"), own).await;
    let moved =
        BootstrapSpec { base_url: "https://new:443/".into(), admin_password: "ignored".into(), ..bootstrap_spec() };
    identity::bootstrap(&cloud.identity, moved).await.unwrap();
    let token = cloud.login("admin", PASSWORD, on_system()).await.json();
    let urls = catalog_of(&token);
    let image = &urls.iter().find(|(kind, _)| kind == "image").unwrap().1;
    assert_eq!(
        image.as_slice(),
        ["admin https://new:443/image", "internal https://new:443/image", "public https://images.example"]
    );
}

#[tokio::test]
async fn services_endpoints_and_regions() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let service = admin.create("service", json!({"type": "dns", "name": "designate", "description": "names"})).await;
    let shown = admin.expect(200, &format!("GET /services/{service}"), None).await;
    assert_eq!(
        shown["service"],
        json!({"id": service, "type": "dns", "name": "designate", "enabled": true, "description": "names",
            "links": {"self": format!("{BASE}/services/{service}")}})
    );
    let new = |region: Value, url: &str| {
        let mut endpoint = json!({"interface": "public", "service_id": service, "url": url});
        endpoint.as_object_mut().unwrap().extend(region.as_object().unwrap().clone());
        json!({"endpoint": endpoint})
    };
    admin.expect(400, "POST /endpoints", new(json!({"region_id": "nowhere"}), "http://x")).await;
    admin.expect(400, "POST /endpoints", new(json!({}), "http://x/%(nonsense)s")).await;
    admin.expect(400, "POST /endpoints", new(json!({"interface": "secret"}), "http://x")).await;
    admin
        .expect(
            400,
            "POST /endpoints",
            json!({"endpoint": {"interface": "public", "service_id": "none", "url": "http://x"}}),
        )
        .await;
    let made = admin.expect(201, "POST /endpoints", new(json!({"region": "made"}), "http://x/$(project_id)s")).await;
    let endpoint = made["endpoint"]["id"].as_str().unwrap().to_owned();
    assert_eq!(
        made["endpoint"],
        json!({"id": endpoint, "interface": "public", "region": "made", "region_id": "made", "service_id": service,
            "url": "http://x/$(project_id)s", "enabled": true, "links": {"self": format!("{BASE}/endpoints/{endpoint}")}})
    );
    let in_catalog =
        |token: &Value| catalog_of(token).into_iter().find(|(kind, _)| kind == "dns").map(|(_, urls)| urls);
    let scoped = cloud.login("admin", PASSWORD, on_project("admin")).await.json();
    let project = scoped["token"]["project"]["id"].as_str().unwrap();
    assert_eq!(in_catalog(&scoped).unwrap(), [format!("public http://x/{project}")]);
    let system = cloud.login("admin", PASSWORD, on_system()).await.json();
    assert_eq!(in_catalog(&system).unwrap(), Vec::<String>::new(), "there is no project to put in");
    admin.expect(200, &format!("PATCH /endpoints/{endpoint}"), json!({"endpoint": {"enabled": false}})).await;
    let scoped = cloud.login("admin", PASSWORD, on_project("admin")).await.json();
    assert_eq!(in_catalog(&scoped).unwrap(), Vec::<String>::new());
    admin.expect(200, &format!("PATCH /services/{service}"), json!({"service": {"enabled": false}})).await;
    let scoped = cloud.login("admin", PASSWORD, on_project("admin")).await.json();
    assert_eq!(in_catalog(&scoped), None);

    admin.expect(403, "DELETE /regions/made", None).await;
    admin.expect(204, &format!("DELETE /services/{service}"), None).await;
    admin.expect(404, &format!("GET /endpoints/{endpoint}"), None).await;
    admin.expect(201, "PUT /regions/below", json!({"region": {"parent_region_id": "made"}})).await;
    admin.expect(409, "PUT /regions/below", json!({"region": {}})).await;
    admin.expect(400, "PUT /regions/below", json!({"region": {"id": "other"}})).await;
    admin.expect(404, "POST /regions", json!({"region": {"parent_region_id": "nowhere"}})).await;
    admin.expect(400, "PATCH /regions/made", json!({"region": {"parent_region_id": "below"}})).await;
    let changed = admin.expect(200, "PATCH /regions/below", json!({"region": {"description": "d", "x": 1}})).await;
    assert_eq!(
        changed["region"],
        json!({"id": "below", "description": "d", "parent_region_id": "made", "x": 1, "links": {"self": format!("{BASE}/regions/below")}})
    );
    let listed = admin.expect(200, "GET /regions?parent_region_id=made", None).await;
    assert_eq!(listed["regions"].as_array().unwrap().len(), 1);
    admin.expect(204, "DELETE /regions/made", None).await;
    admin.expect(404, "GET /regions/below", None).await;
    let fresh = admin.expect(201, "POST /regions", json!({"region": {"id": ""}})).await;
    assert_eq!(fresh["region"]["id"].as_str().unwrap().len(), 32);
}

#[tokio::test]
async fn a_token_asked_about_again_lists_what_there_is_by_then() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let text = cloud.token("admin", PASSWORD, on_project("admin")).await;
    let asked =
        || async { catalog_of(&admin.with("x-subject-token", &text).expect(200, "GET /auth/tokens", None).await) };
    let before = asked().await;
    assert_eq!(asked().await, before);
    let service = admin.create("service", json!({"type": "dns"})).await;
    assert_eq!(asked().await.len(), before.len() + 1);
    let endpoint = json!({"interface": "public", "service_id": service, "url": "http://dns/%(project_id)s"});
    let endpoint = admin.create("endpoint", endpoint).await;
    let dns = asked().await.into_iter().find(|(kind, _)| kind == "dns").unwrap();
    assert!(dns.1[0].starts_with("public http://dns/") && !dns.1[0].contains('%'), "{dns:?}");
    admin.expect(204, &format!("DELETE /endpoints/{endpoint}"), None).await;
    admin.expect(204, &format!("DELETE /services/{service}"), None).await;
    assert_eq!(asked().await, before);
    let bare = admin.with("x-subject-token", &text).expect(200, "GET /auth/tokens?nocatalog", None).await;
    assert!(bare["token"].get("catalog").is_none());
}

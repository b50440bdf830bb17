use crate::cloud::{BASE, Calls, Cloud};
use ports::Projects;
use serde_json::{Value, json};

#[tokio::test]
async fn a_tree_of_projects() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let top = admin.create("project", json!({"name": "top", "tags": ["b", "a"], "cost": 7})).await;
    let mid = admin.create("project", json!({"name": "mid", "parent_id": top})).await;
    let leaf = admin.create("project", json!({"name": "leaf", "parent_id": mid, "domain_id": "default"})).await;
    let shown = admin.expect(200, &format!("GET /projects/{top}"), None).await;
    assert_eq!(
        shown["project"],
        json!({"id": top, "name": "top", "domain_id": "default", "parent_id": "default", "is_domain": false,
            "enabled": true, "description": "", "tags": ["a", "b"], "options": {}, "cost": 7,
            "links": {"self": format!("{BASE}/projects/{top}")}})
    );
    let get = |what: &str| {
        let (admin, path) = (admin.clone(), what.to_owned());
        async move { admin.expect(200, &format!("GET /projects/{path}"), None).await["project"].take() }
    };
    assert_eq!(get(&format!("{leaf}?parents_as_ids")).await["parents"], json!({&mid: {&top: {"default": null}}}));
    assert_eq!(get(&format!("{top}?subtree_as_ids")).await["subtree"], json!({&mid: {&leaf: null}}));
    assert_eq!(get(&format!("{leaf}?parents_as_list")).await["parents"], json!([]), "no role on any of them");
    let user = admin.expect(200, "GET /users?name=admin", None).await["users"][0]["id"].as_str().unwrap().to_owned();
    admin.grant(&format!("projects/{mid}/users/{user}"), "reader").await;
    assert_eq!(get(&format!("{leaf}?parents_as_list")).await["parents"][0]["project"]["id"], mid.as_str());
    assert_eq!(get(&format!("{top}?subtree_as_list")).await["subtree"][0]["project"]["id"], mid.as_str());
    admin.expect(400, &format!("GET /projects/{top}?subtree_as_list&subtree_as_ids"), None).await;

    admin.expect(403, &format!("DELETE /projects/{mid}"), None).await;
    let disable = json!({"project": {"enabled": false}});
    admin.expect(403, &format!("PATCH /projects/{top}"), disable.clone()).await;
    for id in [&leaf, &mid, &top] {
        admin.expect(200, &format!("PATCH /projects/{id}"), disable.clone()).await;
    }
    admin.expect(403, &format!("PATCH /projects/{leaf}"), json!({"project": {"enabled": true}})).await;
    let refused = admin.expect(400, "POST /projects", json!({"project": {"name": "x", "parent_id": leaf}})).await;
    assert!(refused["error"]["message"].as_str().unwrap().contains("containing a disabled project"));
    admin.expect(403, &format!("PATCH /projects/{leaf}"), json!({"project": {"parent_id": top}})).await;
    for id in [&leaf, &mid, &top] {
        admin.expect(204, &format!("DELETE /projects/{id}"), None).await;
    }
}

#[tokio::test]
async fn places_that_are_refused() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let other = admin.create("domain", json!({"name": "other"})).await;
    let there = admin.create("project", json!({"name": "p", "domain_id": other})).await;
    let check = |project: Value, status: u16, expect: &'static str| {
        let admin = admin.clone();
        async move {
            let refused = admin.expect(status, "POST /projects", json!({"project": project})).await;
            let message = refused["error"]["message"].as_str().unwrap().to_owned();
            assert!(message.contains(expect), "{project}: {message}");
        }
    };
    check(json!({"name": "x", "domain_id": "nowhere"}), 400, "Could not find domain: nowhere.").await;
    check(json!({"name": "x", "parent_id": "nowhere"}), 400, "Could not find project: nowhere.").await;
    check(json!({"name": "x", "domain_id": "default", "parent_id": there}), 400, "a parent in a different domain")
        .await;
    check(json!({"name": "x", "domain_id": "default", "parent_id": other}), 400, "is acting as a domain").await;
    check(json!({"name": "x", "is_domain": true, "parent_id": there}), 400, "only root projects").await;
    check(json!({"name": "admin"}), 409, "with either the same name or same id in the same domain").await;
    check(json!({"name": "other", "is_domain": true}), 409, "acting as domains with the same name: other").await;
    let mut parent = "default".to_owned();
    for depth in 1..=5 {
        parent = admin.create("project", json!({"name": format!("level{depth}"), "parent_id": parent})).await;
    }
    check(json!({"name": "level6", "parent_id": parent}), 403, "Max hierarchy depth reached").await;
}

#[tokio::test]
async fn domains_are_projects_too() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let made = admin.expect(201, "POST /domains", json!({"domain": {"name": "d", "description": "x"}})).await;
    let id = made["domain"]["id"].as_str().unwrap().to_owned();
    assert_eq!(
        made["domain"],
        json!({"id": id, "name": "d", "enabled": true, "description": "x", "tags": [], "options": {},
            "links": {"self": format!("{BASE}/domains/{id}")}})
    );
    let as_project = admin.expect(200, &format!("GET /projects/{id}"), None).await;
    assert_eq!(
        (&as_project["project"]["is_domain"], &as_project["project"]["domain_id"]),
        (&json!(true), &json!(null))
    );
    let listed = admin.expect(200, "GET /projects?is_domain=true", None).await;
    assert_eq!(listed["projects"].as_array().unwrap().len(), 2);
    let own = admin.create("project", json!({"name": "made-as-project", "is_domain": true})).await;
    admin.expect(200, &format!("GET /domains/{own}"), None).await;
    admin.expect(409, "POST /domains", json!({"domain": {"name": "d"}})).await;
    let explicit = "0123456789abcdef0123456789abcdef";
    let chosen = json!({"domain": {"name": "chosen", "explicit_domain_id": explicit}});
    assert_eq!(admin.expect(201, "POST /domains", chosen.clone()).await["domain"]["id"], explicit);
    admin.expect(409, "POST /domains", json!({"domain": {"name": "again", "explicit_domain_id": explicit}})).await;
    admin.expect(400, "POST /domains", json!({"domain": {"name": "bad", "explicit_domain_id": "xyz"}})).await;
    let refused = admin.expect(403, &format!("DELETE /domains/{id}"), None).await;
    assert_eq!(refused["error"]["message"], "Cannot delete a domain that is enabled, please disable it first.");
    admin.expect(200, &format!("PATCH /domains/{id}"), json!({"domain": {"enabled": false}})).await;
    admin.expect(204, &format!("DELETE /domains/{id}"), None).await;
    admin.expect(404, &format!("GET /domains/{id}"), None).await;
    admin.expect(404, "PATCH /domains/nowhere", json!({"domain": {"name": "n"}})).await;
}

#[tokio::test]
async fn immutable_ones_stay_until_they_are_made_mutable() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let id = admin.create("project", json!({"name": "p", "options": {"immutable": true}})).await;
    let path = format!("PATCH /projects/{id}");
    admin.expect(403, &path, json!({"project": {"name": "q"}})).await;
    admin.expect(403, &path, json!({"project": {"name": "q", "options": {"immutable": false}}})).await;
    admin.expect(403, &format!("DELETE /projects/{id}"), None).await;
    admin.expect(200, &path, json!({"project": {"options": {"immutable": false}}})).await;
    admin.expect(200, &path, json!({"project": {"name": "q"}})).await;
    admin.expect(204, &format!("DELETE /projects/{id}"), None).await;
    let role = admin.role("member").await;
    admin.expect(403, &format!("DELETE /roles/{role}"), None).await;
    admin.expect(403, &format!("PATCH /roles/{role}"), json!({"role": {"name": "m"}})).await;
}

#[tokio::test]
async fn tags_one_by_one_and_all_at_once() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let id = admin.create("project", json!({"name": "p"})).await;
    let tags = format!("/projects/{id}/tags");
    let added = admin.call(&format!("PUT /identity/v3{tags}/red"), None).await;
    assert_eq!((added.status, added.header("location")), (201, format!("{BASE}{tags}/red")));
    admin.expect(204, &format!("GET {tags}/red"), None).await;
    admin.expect(404, &format!("GET {tags}/blue"), None).await;
    admin.expect(400, &format!("PUT {tags}/a,b"), None).await;
    let all = admin.expect(200, &format!("PUT {tags}"), json!({"tags": ["x", "y"]})).await;
    assert_eq!(all, json!({"links": {"self": format!("{BASE}{tags}")}, "tags": ["x", "y"]}));
    admin.expect(400, &format!("PUT {tags}"), json!({"tags": ["x", "x"]})).await;
    admin.expect(400, &format!("PUT {tags}"), json!({"tags": [1]})).await;
    admin.expect(204, &format!("DELETE {tags}/x"), None).await;
    admin.expect(404, &format!("DELETE {tags}/x"), None).await;
    let other = admin.create("project", json!({"name": "q", "tags": ["y", "z"]})).await;
    let found = |query: &str| {
        let (admin, path) = (admin.clone(), format!("GET /projects?{query}"));
        async move {
            let mut names: Vec<_> = admin.expect(200, &path, None).await["projects"]
                .as_array()
                .unwrap()
                .iter()
                .map(|p| p["name"].as_str().unwrap().to_owned())
                .collect();
            names.sort();
            names.concat()
        }
    };
    assert_eq!(found("tags=y").await, "pq");
    assert_eq!(found("tags=y,z").await, "q");
    assert_eq!(found("tags-any=z,q").await, "q");
    assert_eq!(found("not-tags=y,z").await, "adminp");
    assert_eq!(found("not-tags-any=y").await, "admin");
    admin.expect(204, &format!("DELETE {tags}"), None).await;
    assert_eq!(admin.expect(200, &format!("GET {tags}"), None).await["tags"], json!([]));
    let many: Vec<_> = (0..80).map(|n| n.to_string()).collect();
    admin.expect(200, &format!("PATCH /projects/{other}"), json!({"project": {"tags": many}})).await;
    admin.expect(400, &format!("PUT /projects/{other}/tags/one-more"), None).await;
}

#[tokio::test]
async fn other_services_see_projects() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let domain = admin.create("domain", json!({"name": "d"})).await;
    let id = admin.create("project", json!({"name": "p", "domain_id": domain})).await;
    let seen = || identity::KnownProjects.project(&cloud.identity.store().snapshot(), &id);
    let info = seen().unwrap();
    assert_eq!((info.name.as_str(), info.domain.as_str(), info.enabled), ("p", domain.as_str(), true));
    admin.expect(200, &format!("PATCH /domains/{domain}"), json!({"domain": {"enabled": false}})).await;
    assert!(!seen().unwrap().enabled, "with its domain");
    admin.expect(204, &format!("DELETE /domains/{domain}"), None).await;
    assert!(seen().is_none());
}

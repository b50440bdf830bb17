use crate::cloud::{BASE, Calls, Cloud};
use http::testkit::Api;
use serde_json::{Value, json};

#[tokio::test]
async fn roles_and_what_they_imply() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let made = admin.expect(201, "POST /roles", json!({"role": {"name": "cook", "description": "c"}})).await;
    let cook = made["role"]["id"].as_str().unwrap().to_owned();
    assert_eq!(
        made["role"],
        json!({"id": cook, "name": "cook", "domain_id": null, "description": "c", "options": {},
            "links": {"self": format!("{BASE}/roles/{cook}")}})
    );
    admin.expect(409, "POST /roles", json!({"role": {"name": "cook"}})).await;
    let reader = admin.role("reader").await;
    let implies = format!("/roles/{cook}/implies/{reader}");
    admin.expect(404, &format!("GET {implies}"), None).await;
    let short = |id: &str, name: &str| json!({"id": id, "name": name, "links": {"self": format!("{BASE}/roles/{id}")}});
    let pair = json!({
        "role_inference": {"prior_role": short(&cook, "cook"), "implies": short(&reader, "reader")},
        "links": {"self": format!("{BASE}{implies}")},
    });
    assert_eq!(admin.expect(201, &format!("PUT {implies}"), None).await, pair);
    assert_eq!(admin.expect(200, &format!("GET {implies}"), None).await, pair);
    admin.expect(204, &format!("HEAD {implies}"), None).await;
    let list = admin.expect(200, &format!("GET /roles/{cook}/implies"), None).await;
    assert_eq!(list["role_inference"]["implies"], json!([short(&reader, "reader")]));
    let all = admin.expect(200, "GET /role_inferences", None).await;
    assert_eq!(all["role_inferences"].as_array().unwrap().len(), 4, "the default chain and ours");
    let top = admin.role("admin").await;
    let refused = admin.expect(403, &format!("PUT /roles/{cook}/implies/{top}"), None).await;
    assert_eq!(refused["error"]["message"], format!("{top} cannot be an implied roles."));
    admin.expect(404, &format!("PUT /roles/{cook}/implies/nothing"), None).await;
    admin.expect(204, &format!("DELETE {implies}"), None).await;
    admin.expect(404, &format!("DELETE {implies}"), None).await;
    admin.expect(201, &format!("PUT {implies}"), None).await;
    let changed = admin.expect(200, &format!("PATCH /roles/{cook}"), json!({"role": {"name": "chef"}})).await;
    assert_eq!(changed["role"]["name"], "chef");
    admin.expect(204, &format!("DELETE /roles/{cook}"), None).await;
    admin.expect(404, &format!("GET /roles/{cook}"), None).await;
}

#[tokio::test]
async fn a_domains_own_role_stands_for_what_it_implies() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let domain = admin.create("domain", json!({"name": "d"})).await;
    let own = admin.create("role", json!({"name": "own", "domain_id": domain})).await;
    assert_eq!(admin.expect(200, "GET /roles?name=own", None).await["roles"], json!([]));
    let listed = admin.expect(200, &format!("GET /roles?domain_id={domain}"), None).await;
    assert_eq!(listed["roles"][0]["id"], own.as_str());
    let (member, user) = (admin.role("member").await, admin.user("ann").await);
    admin.expect(403, &format!("PUT /roles/{member}/implies/{own}"), None).await;
    admin.expect(201, &format!("PUT /roles/{own}/implies/{member}"), None).await;
    let here = admin.create("project", json!({"name": "p", "domain_id": domain})).await;
    let elsewhere = admin.create("project", json!({"name": "p"})).await;
    admin.expect(403, &format!("PUT /projects/{elsewhere}/users/{user}/roles/{own}"), None).await;
    admin.expect(400, &format!("PUT /system/users/{user}/roles/{own}"), None).await;
    admin.expect(204, &format!("PUT /projects/{here}/users/{user}/roles/{own}"), None).await;
    let token = cloud.login("ann", crate::cloud::PASSWORD, json!({"project": {"id": here}})).await.json();
    let names: Vec<_> = token["token"]["roles"].as_array().unwrap().iter().map(|r| r["name"].clone()).collect();
    assert_eq!(names, [json!("member"), json!("reader")]);
}

/// Every sort of grant: given, seen, listed, taken.
#[tokio::test]
async fn grants_of_every_sort() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let user = admin.user("ann").await;
    let group = admin.create("group", json!({"name": "g"})).await;
    let project = admin.create("project", json!({"name": "p"})).await;
    let role = admin.role("member").await;
    for actor in [format!("users/{user}"), format!("groups/{group}")] {
        for (prefix, suffix) in [
            (format!("/projects/{project}/{actor}/roles"), ""),
            (format!("/domains/default/{actor}/roles"), ""),
            (format!("/system/{actor}/roles"), ""),
            (format!("/OS-INHERIT/projects/{project}/{actor}/roles"), "/inherited_to_projects"),
            (format!("/OS-INHERIT/domains/default/{actor}/roles"), "/inherited_to_projects"),
        ] {
            let (one, list) = (format!("{prefix}/{role}{suffix}"), format!("{prefix}{suffix}"));
            admin.expect(404, &format!("HEAD {one}"), None).await;
            admin.expect(404, &format!("DELETE {one}"), None).await;
            admin.expect(204, &format!("PUT {one}"), None).await;
            admin.expect(204, &format!("PUT {one}"), None).await;
            admin.expect(204, &format!("HEAD {one}"), None).await;
            admin.expect(204, &format!("GET {one}"), None).await;
            let listed = admin.expect(200, &format!("GET {list}"), None).await;
            assert_eq!(listed["roles"].as_array().unwrap().len(), 1, "{list}");
            assert_eq!(listed["roles"][0]["name"], "member");
            assert_eq!(listed["links"]["self"], format!("{BASE}{list}"));
            admin.expect(204, &format!("DELETE {one}"), None).await;
            let listed = admin.expect(200, &format!("GET {list}"), None).await;
            assert_eq!(listed["roles"], json!([]), "{list}");
            admin.expect(404, &format!("PUT {prefix}/nothing{suffix}"), None).await;
        }
    }
    admin.expect(404, &format!("PUT /projects/nowhere/users/{user}/roles/{role}"), None).await;
    admin.expect(404, &format!("PUT /projects/{project}/users/nobody/roles/{role}"), None).await;
    admin.expect(404, &format!("GET /domains/nowhere/users/{user}/roles"), None).await;
}

async fn assignments(api: &Api, query: &str) -> Vec<Value> {
    api.expect(200, &format!("GET /role_assignments?{query}"), None).await["role_assignments"]
        .as_array()
        .unwrap()
        .clone()
}

#[tokio::test]
async fn assignments_as_given_and_as_they_work_out() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let user = admin.user("ann").await;
    let group = admin.create("group", json!({"name": "g"})).await;
    admin.expect(204, &format!("PUT /groups/{group}/users/{user}"), None).await;
    let top = admin.create("project", json!({"name": "top"})).await;
    let below = admin.create("project", json!({"name": "below", "parent_id": top})).await;
    let (member, reader) = (admin.role("member").await, admin.role("reader").await);
    let grant = format!("/OS-INHERIT/projects/{top}/groups/{group}/roles/{member}/inherited_to_projects");
    admin.expect(204, &format!("PUT {grant}"), None).await;
    let given = assignments(&admin, &format!("group.id={group}")).await;
    assert_eq!(
        given,
        [json!({
            "group": {"id": group},
            "role": {"id": member},
            "scope": {"project": {"id": top}, "OS-INHERIT:inherited_to": "projects"},
            "links": {"assignment": format!("{BASE}{grant}")},
        })]
    );
    let effective = assignments(&admin, &format!("user.id={user}&effective&include_names")).await;
    assert_eq!(effective.len(), 2, "member and the reader it implies, on what is below: {effective:?}");
    let implied = effective.iter().find(|a| a["role"]["id"] == reader.as_str()).unwrap();
    let default = json!({"id": "default", "name": "Default"});
    assert_eq!(
        *implied,
        json!({
            "user": {"id": user, "name": "ann", "domain": default},
            "role": {"id": reader, "name": "reader"},
            "scope": {
                "project": {"id": below, "name": "below", "domain": default},
                "OS-INHERIT:inherited_to": "projects",
            },
            "links": {
                "assignment": format!("{BASE}{grant}"),
                "membership": format!("{BASE}/groups/{group}/users/{user}"),
                "prior_role": format!("{BASE}/prior_role/{reader}/implies/{member}"),
            },
        })
    );
    for (query, count) in [
        (format!("scope.project.id={below}&effective"), 2),
        (format!("scope.project.id={below}"), 0),
        (format!("scope.project.id={top}&effective"), 0),
        (format!("scope.project.id={top}&include_subtree"), 1),
        (format!("scope.project.id={top}&include_subtree&effective"), 2),
        (format!("user.id={user}&effective&role.id={reader}"), 1),
        (format!("group.id={group}&scope.OS-INHERIT:inherited_to=projects"), 1),
        (format!("group.id={group}&scope.OS-INHERIT:inherited_to=nothing"), 0),
        (format!("role.id={member}"), 1),
        ("scope.system=all".to_owned(), 1),
        (format!("user.id={user}"), 0),
    ] {
        assert_eq!(assignments(&admin, &query).await.len(), count, "{query}");
    }
    for query in [
        format!("user.id={user}&group.id={group}"),
        "scope.domain.id=default&scope.system=all".to_owned(),
        format!("scope.domain.id=default&scope.project.id={top}"),
        format!("group.id={group}&effective"),
        "scope.domain.id=default&effective&scope.OS-INHERIT:inherited_to=projects".to_owned(),
        "include_subtree".to_owned(),
    ] {
        admin.expect(400, &format!("GET /role_assignments?{query}"), None).await;
    }
    let token = cloud.login("ann", crate::cloud::PASSWORD, json!({"project": {"id": below}})).await;
    assert_eq!(token.json()["token"]["roles"].as_array().unwrap().len(), 2);
    assert_eq!(cloud.login("ann", crate::cloud::PASSWORD, json!({"project": {"id": top}})).await.status, 401);
}

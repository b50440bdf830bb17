//! What hangs on a removed object goes with it, however much it is, and a dead process's removal is finished by another.

use crate::cloud::{Calls, Cloud, PASSWORD};
use identity::model::{ApplicationCredential, Assignment, Credential, Group, Membership, Project, Role, User};
use kernel::Result;
use serde_json::json;
use store::{Schema, Snapshot, Tx, Unique};

fn counts(view: &Snapshot) -> [usize; 9] {
    [
        view.count::<User>(),
        view.count::<Group>(),
        view.count::<Membership>(),
        view.count::<Project>(),
        view.count::<Role>(),
        view.count::<Assignment>(),
        view.count::<Credential>(),
        view.count::<ApplicationCredential>(),
        view.count::<Unique>(),
    ]
}

async fn in_store<R: Send + 'static>(cloud: &Cloud, f: impl Fn(&mut Tx) -> Result<R> + Send + 'static) -> R {
    cloud.identity.store().transact("test", f).await.unwrap()
}

#[tokio::test]
async fn a_domain_takes_everything_with_it() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let before = counts(&cloud.identity.store().snapshot());
    let domain = admin.create("domain", json!({"name": "d"})).await;
    let top = admin.create("project", json!({"name": "top", "domain_id": domain})).await;
    admin.create("project", json!({"name": "below", "domain_id": domain, "parent_id": top})).await;
    let group = admin.create("group", json!({"name": "g", "domain_id": domain})).await;
    let own = admin.create("role", json!({"name": "own", "domain_id": domain})).await;
    let mut user = String::new();
    for n in 0..5 {
        let new =
            json!({"name": format!("u{n}"), "domain_id": domain, "password": PASSWORD, "default_project_id": top});
        user = admin.create("user", new).await;
        admin.expect(204, &format!("PUT /groups/{group}/users/{user}"), None).await;
        admin.grant(&format!("projects/{top}/users/{user}"), "member").await;
    }
    admin.expect(204, &format!("PUT /domains/{domain}/groups/{group}/roles/{own}"), None).await;
    admin.expect(201, "POST /credentials", json!({"credential": {"blob": "b", "type": "t", "user_id": user}})).await;
    let auth = json!({"identity": {"methods": ["password"], "password": {"user": {"id": user, "password": PASSWORD}}}});
    let own_api = cloud.api.token(&crate::cloud::token_of(&cloud.authenticate(auth).await));
    let path = format!("POST /users/{user}/application_credentials");
    own_api.expect(201, &path, json!({"application_credential": {"name": "a"}})).await;
    admin.expect(200, &format!("PATCH /domains/{domain}"), json!({"domain": {"enabled": false}})).await;
    admin.expect(204, &format!("DELETE /domains/{domain}"), None).await;
    assert_eq!(counts(&cloud.identity.store().snapshot()), before);
    admin.expect(201, "POST /domains", json!({"domain": {"name": "d"}})).await;
}

#[tokio::test]
async fn thousands_of_assignments_go_in_batches() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let before = counts(&cloud.identity.store().snapshot());
    let (user, role) = (admin.user("ann").await, admin.role("member").await);
    for chunk in 0..3 {
        let (user, role) = (user.clone(), role.clone());
        in_store(&cloud, move |tx| {
            for n in 0..1000 {
                tx.put(Assignment {
                    role: role.as_str().into(),
                    actor: identity::model::Actor::User(user.as_str().into()),
                    target: identity::model::Target::Project(format!("p{chunk}-{n}").into()),
                    inherited: false,
                });
            }
            Ok(())
        })
        .await;
    }
    admin.expect(204, &format!("DELETE /users/{user}"), None).await;
    assert_eq!(counts(&cloud.identity.store().snapshot()), before);
}

#[tokio::test]
async fn what_is_marked_is_gone_for_everybody_and_swept() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let before = counts(&cloud.identity.store().snapshot());
    let user = admin.user("ann").await;
    let group = admin.create("group", json!({"name": "g"})).await;
    admin.expect(204, &format!("PUT /groups/{group}/users/{user}"), None).await;
    let project = admin.create("project", json!({"name": "p"})).await;
    let role = admin.create("role", json!({"name": "r"})).await;
    admin.expect(204, &format!("PUT /projects/{project}/users/{user}/roles/{role}"), None).await;
    let token = cloud.as_user("ann", json!({"project": {"id": project}})).await;
    let ids = (user.clone(), group.clone(), project.clone(), role.clone());
    in_store(&cloud, move |tx| {
        tx.update::<User>(&ids.0, |u| u.deleting = true);
        tx.update::<Group>(&ids.1, |g| g.deleting = true);
        tx.update::<Project>(&ids.2, |p| p.deleting = true);
        tx.update::<Role>(&ids.3, |r| r.deleting = true);
        Ok(())
    })
    .await;
    token.expect(401, "GET /auth/projects", None).await;
    for path in
        [format!("users/{user}"), format!("groups/{group}"), format!("projects/{project}"), format!("roles/{role}")]
    {
        admin.expect(404, &format!("GET /{path}"), None).await;
        admin.expect(404, &format!("DELETE /{path}"), None).await;
    }
    for (list, name) in [("users", "ann"), ("groups", "g"), ("projects", "p"), ("roles", "r")] {
        assert_eq!(admin.expect(200, &format!("GET /{list}?name={name}"), None).await[list], json!([]), "{list}");
    }
    admin.expect(404, &format!("PUT /groups/{group}/users/{user}"), None).await;
    assert_eq!(cloud.login("ann", PASSWORD, json!(null)).await.status, 401);
    for keeper in identity::reconcilers(&cloud.identity) {
        keeper.reconcile().await.unwrap();
    }
    assert_eq!(counts(&cloud.identity.store().snapshot()), before);
}

#[tokio::test]
async fn a_child_that_came_first_keeps_its_parent() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let parent = admin.create("project", json!({"name": "p"})).await;
    let child = admin.create("project", json!({"name": "c", "parent_id": parent})).await;
    let id = parent.clone();
    // As if the mark had been set by a process that did not see the child yet, and died.
    in_store(&cloud, move |tx| Ok(tx.update::<Project>(&id, |p| p.deleting = true).is_some())).await;
    for keeper in identity::reconcilers(&cloud.identity) {
        keeper.reconcile().await.unwrap();
    }
    admin.expect(200, &format!("GET /projects/{parent}"), None).await;
    admin.expect(204, &format!("DELETE /projects/{child}"), None).await;
    admin.expect(204, &format!("DELETE /projects/{parent}"), None).await;
}

#[test]
fn every_kind_is_in_the_schema_once() {
    let kinds = identity::schema(Schema::new()).kinds();
    let own = kinds.iter().filter(|(name, _)| name.starts_with("identity.")).count();
    assert_eq!(own, 31, "{kinds:?}");
}

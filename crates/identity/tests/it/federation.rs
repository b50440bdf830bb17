//! The resources of federation, and the language of mappings.

use crate::cloud::{BASE, Calls, Cloud, PASSWORD, on_project};
use identity::model::{IdentityProvider, Protocol};
use serde_json::{Value, json};

fn rules(local: Value, remote: Value) -> Value {
    json!({"mapping": {"rules": [{"local": [local], "remote": [remote]}]}})
}

#[tokio::test]
async fn a_provider_with_its_domain_and_protocols() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let one = "/OS-FEDERATION/identity_providers/acme";
    let new = json!({"identity_provider": {"description": "d", "remote_ids": ["r1", "r2"]}});
    let made = admin.expect(201, &format!("PUT {one}"), new.clone()).await["identity_provider"].take();
    let domain = made["domain_id"].as_str().unwrap().to_owned();
    assert_eq!(
        made,
        json!({"id": "acme", "enabled": false, "description": "d", "domain_id": domain, "remote_ids": ["r1", "r2"],
            "authorization_ttl": null,
            "links": {"self": format!("{BASE}{one}"), "protocols": format!("{BASE}{one}/protocols")}})
    );
    assert_eq!(admin.expect(200, &format!("GET /domains/{domain}"), None).await["domain"]["name"], json!(domain));
    admin.expect(409, &format!("PUT {one}"), new).await;
    let rival = json!({"identity_provider": {"remote_ids": ["r2"]}});
    admin.expect(409, "PUT /OS-FEDERATION/identity_providers/rival", rival.clone()).await;
    let change = json!({"identity_provider": {"remote_ids": ["r3"], "enabled": true}});
    assert_eq!(
        admin.expect(200, &format!("PATCH {one}"), change).await["identity_provider"]["remote_ids"],
        json!(["r3"])
    );
    admin.expect(201, "PUT /OS-FEDERATION/identity_providers/rival", rival).await;
    admin
        .expect(404, "PUT /OS-FEDERATION/identity_providers/x", json!({"identity_provider": {"domain_id": "none"}}))
        .await;
    let listed = admin.expect(200, "GET /OS-FEDERATION/identity_providers?enabled=true", None).await;
    assert_eq!(listed["identity_providers"][0]["id"], "acme");

    let protocol = format!("{one}/protocols/saml2");
    let with = |mapping: &str| json!({"protocol": {"mapping_id": mapping}});
    admin.expect(400, &format!("PUT {protocol}"), with("none")).await;
    admin
        .expect(201, "PUT /OS-FEDERATION/mappings/m", rules(json!({"user": {"name": "{0}"}}), json!({"type": "U"})))
        .await;
    let made = admin.expect(201, &format!("PUT {protocol}"), with("m")).await;
    let links = json!({"self": format!("{BASE}{protocol}"), "identity_provider": format!("{BASE}{one}")});
    assert_eq!(made["protocol"], json!({"id": "saml2", "mapping_id": "m", "links": links}));
    admin.expect(409, &format!("PUT {protocol}"), with("m")).await;
    admin.expect(404, "PUT /OS-FEDERATION/identity_providers/none/protocols/p", with("m")).await;
    let change = json!({"protocol": {"mapping_id": "m", "remote_id_attribute": "HTTP_ISS"}});
    admin.expect(200, &format!("PATCH {protocol}"), change).await;
    let listed = admin.expect(200, &format!("GET {one}/protocols"), None).await;
    assert_eq!(
        (&listed["protocols"][0]["remote_id_attribute"], &listed["protocols"][0]["idp_id"]),
        (&json!("HTTP_ISS"), &json!("acme"))
    );
    admin.expect(404, "GET /OS-FEDERATION/identity_providers/none/protocols", None).await;
    admin.expect(204, &format!("DELETE {one}"), None).await;
    assert_eq!(cloud.identity.store().snapshot().count::<Protocol>(), 0);
    admin.expect(200, &format!("GET /domains/{domain}"), None).await;
}

#[tokio::test]
async fn a_domain_takes_its_providers_along() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let domain = admin.create("domain", json!({"name": "d", "enabled": false})).await;
    let new = json!({"identity_provider": {"domain_id": domain, "remote_ids": ["r"]}});
    admin.expect(201, "PUT /OS-FEDERATION/identity_providers/acme", new).await;
    admin.expect(204, &format!("DELETE /domains/{domain}"), None).await;
    assert_eq!(cloud.identity.store().snapshot().count::<IdentityProvider>(), 0);
    let again = json!({"identity_provider": {"remote_ids": ["r"]}});
    admin.expect(201, "PUT /OS-FEDERATION/identity_providers/acme", again).await;
}

#[tokio::test]
async fn mappings_are_judged_by_their_version() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let some = json!({"type": "U"});
    let project = json!({"projects": [{"name": "p", "roles": [{"name": "member"}], "domain": {"name": "d"}}]});
    let cases = [
        (201, rules(json!({"user": {"name": "{0}", "type": "local", "domain": {"id": "d"}}}), some.clone())),
        (201, rules(json!({"group": {"id": "g"}}), json!({"type": "U", "any_one_of": ["a"], "regex": true}))),
        (201, rules(json!({"groups": "{0}", "domain": {"name": "d"}}), json!({"type": "G", "blacklist": ["a"]}))),
        (400, rules(json!({"group": {"name": "g"}}), some.clone())),
        (400, rules(json!({"user": {"name": "n", "type": "alien"}}), some.clone())),
        (400, rules(json!({"color": "red"}), some.clone())),
        (400, rules(json!({}), json!({"type": "U", "any_one_of": ["a"], "not_any_of": ["b"]}))),
        (400, rules(json!({}), json!({"any_one_of": ["a"]}))),
        (400, rules(project.clone(), some.clone())),
        (400, json!({"mapping": {"rules": []}})),
        (400, json!({"mapping": {"rules": [{"local": []}]}})),
        (400, json!({"mapping": {}})),
    ];
    for (at, (expect, body)) in cases.into_iter().enumerate() {
        admin.expect(expect, &format!("PUT /OS-FEDERATION/mappings/m{at}"), body).await;
    }
    let versioned = |version: &str, local: &Value| {
        let mut body = rules(local.clone(), json!({"type": "U"}));
        body["mapping"]["schema_version"] = json!(version);
        body
    };
    let json_projects = json!({"projects_json": "{0}"});
    for (expect, version, local) in [
        (201, "2.0", &project),
        (400, "2.0", &json_projects),
        (201, "3.0", &json_projects),
        (400, "9.0", &json_projects),
    ] {
        let path = format!("PUT /OS-FEDERATION/mappings/v{version}{expect}");
        admin.expect(expect, &path, versioned(version, local)).await;
    }
    let shown = admin.expect(200, "GET /OS-FEDERATION/mappings/m0", None).await;
    assert_eq!(shown["mapping"]["schema_version"], "1.0");
    let changed = admin.expect(200, "PATCH /OS-FEDERATION/mappings/m0", rules(json!({}), some)).await;
    assert_eq!(changed["mapping"]["rules"][0]["local"], json!([{}]));
    admin.expect(204, "DELETE /OS-FEDERATION/mappings/m0", None).await;
    admin.expect(404, "GET /OS-FEDERATION/mappings/m0", None).await;
    let long = "x".repeat(65);
    admin.expect(400, &format!("PUT /OS-FEDERATION/mappings/{long}"), rules(json!({}), json!({"type": "U"}))).await;
}

#[tokio::test]
async fn enabled_service_providers_are_told_in_tokens() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let new = |enabled: bool| json!({"service_provider": {"auth_url": "https://x/auth", "sp_url": "https://x/sp", "enabled": enabled}});
    let made = admin.expect(201, "PUT /OS-FEDERATION/service_providers/there", new(true)).await;
    assert_eq!(made["service_provider"]["relay_state_prefix"], "ss:mem:");
    admin.expect(201, "PUT /OS-FEDERATION/service_providers/off", new(false)).await;
    admin.expect(409, "PUT /OS-FEDERATION/service_providers/off", new(false)).await;
    let token = cloud.login("admin", PASSWORD, on_project("admin")).await.json();
    let told = json!([{"id": "there", "auth_url": "https://x/auth", "sp_url": "https://x/sp"}]);
    assert_eq!(token["token"]["service_providers"], told);
    for bad in [
        json!({}),
        json!({"auth_url": "x", "sp_url": "https://y"}),
        json!({"auth_url": "https://x", "sp_url": "https://y", "z": 1}),
    ] {
        admin.expect(400, "PUT /OS-FEDERATION/service_providers/bad", json!({"service_provider": bad})).await;
    }
    admin
        .expect(400, "PATCH /OS-FEDERATION/service_providers/there", json!({"service_provider": {"auth_url": "x"}}))
        .await;
    admin
        .expect(200, "PATCH /OS-FEDERATION/service_providers/there", json!({"service_provider": {"enabled": false}}))
        .await;
    let token = cloud.login("admin", PASSWORD, on_project("admin")).await.json();
    assert!(token["token"].get("service_providers").is_none());
    admin.expect(204, "DELETE /OS-FEDERATION/service_providers/there", None).await;
    admin.expect(404, "GET /OS-FEDERATION/service_providers/there", None).await;
}

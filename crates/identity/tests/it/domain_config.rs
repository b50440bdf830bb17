//! Configuration of domains: as a whole, by group, by option; secrets go in and never come out.

use crate::cloud::{Calls, Cloud, config};
use identity::model::DomainConfig;
use serde_json::json;

#[tokio::test]
async fn set_changed_and_removed_in_parts() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let domain = admin.create("domain", json!({"name": "d"})).await;
    let whole = format!("/domains/{domain}/config");
    let first = json!({"identity": {"driver": "ldap"}, "ldap": {"url": "ldap://x", "user_tree_dn": "ou=U"}});
    admin.expect(404, &format!("GET {whole}"), None).await;
    admin.expect(404, &format!("PATCH {whole}/ldap"), json!({"config": {"ldap": {"url": "y"}}})).await;
    assert_eq!(admin.expect(201, &format!("PUT {whole}"), json!({"config": first})).await, json!({"config": first}));
    assert_eq!(admin.expect(200, &format!("PUT {whole}"), json!({"config": first})).await["config"], first);
    assert_eq!(admin.expect(200, &format!("GET {whole}/ldap"), None).await["config"], json!({"ldap": first["ldap"]}));
    assert_eq!(admin.expect(200, &format!("GET {whole}/ldap/url"), None).await, json!({"config": {"url": "ldap://x"}}));
    let merged = admin.expect(200, &format!("PATCH {whole}"), json!({"config": {"identity": {"list_limit": 7}}})).await;
    assert_eq!(merged["config"]["identity"], json!({"driver": "ldap", "list_limit": 7}));
    let one = admin.expect(200, &format!("PATCH {whole}/ldap/url"), json!({"config": {"url": "ldap://z"}})).await;
    assert_eq!(one["config"]["ldap"], json!({"url": "ldap://z", "user_tree_dn": "ou=U"}));
    admin.expect(404, &format!("PATCH {whole}/ldap/suffix"), json!({"config": {"suffix": "s"}})).await;
    admin.expect(204, &format!("DELETE {whole}/ldap/url"), None).await;
    admin.expect(404, &format!("GET {whole}/ldap/url"), None).await;
    admin.expect(404, &format!("DELETE {whole}/ldap/url"), None).await;
    admin.expect(204, &format!("DELETE {whole}/identity"), None).await;
    assert_eq!(
        admin.expect(200, &format!("GET {whole}"), None).await["config"],
        json!({"ldap": {"user_tree_dn": "ou=U"}})
    );
    admin.expect(204, &format!("DELETE {whole}"), None).await;
    admin.expect(404, &format!("GET {whole}"), None).await;
    admin.expect(404, "PUT /domains/none/config", json!({"config": first})).await;
    admin.expect(200, &format!("PATCH {whole}"), json!({"config": first})).await;
    admin.expect(200, &format!("PATCH /domains/{domain}"), json!({"domain": {"enabled": false}})).await;
    admin.expect(204, &format!("DELETE /domains/{domain}"), None).await;
    assert_eq!(cloud.identity.store().snapshot().count::<DomainConfig>(), 0);
}

#[tokio::test]
async fn only_what_may_be_set() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let domain = admin.create("domain", json!({"name": "d"})).await;
    let whole = format!("/domains/{domain}/config");
    for bad in [
        json!({}),
        json!({"ldap": {}}),
        json!({"ldap": 1}),
        json!({"ldap": {"color": "red"}}),
        json!({"token": {"x": 1}}),
    ] {
        admin.expect(403, &format!("PUT {whole}"), json!({"config": bad})).await;
    }
    admin.expect(400, &format!("PUT {whole}"), json!({"config": []})).await;
    admin.expect(400, &format!("PUT {whole}"), json!({})).await;
    admin.expect(201, &format!("PUT {whole}"), json!({"config": {"ldap": {"url": "x"}}})).await;
    let two = json!({"config": {"ldap": {"url": "y"}, "identity": {"driver": "sql"}}});
    admin.expect(403, &format!("PATCH {whole}/ldap"), two).await;
    admin.expect(403, &format!("PATCH {whole}/ldap/url"), json!({"config": {"suffix": "s"}})).await;
    admin.expect(403, &format!("GET {whole}/nonsense"), None).await;
    let defaults = admin.expect(200, "GET /domains/config/default", None).await;
    assert_eq!(
        (&defaults["config"]["identity"]["driver"], defaults["config"]["ldap"].as_object().unwrap().len()),
        (&json!("sql"), 49)
    );
    assert_eq!(
        admin.expect(200, "GET /domains/config/ldap/url/default", None).await,
        json!({"config": {"url": "ldap://localhost"}})
    );
    admin.expect(403, "GET /domains/config/nonsense/default", None).await;
    admin.expect(403, "GET /domains/config/ldap/password/default", None).await;
}

#[tokio::test]
async fn secrets_are_sealed_and_never_shown() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let domain = admin.create("domain", json!({"name": "d"})).await;
    let whole = format!("/domains/{domain}/config");
    let made =
        admin.expect(201, &format!("PUT {whole}"), json!({"config": {"ldap": {"url": "x", "password": "hush"}}})).await;
    assert_eq!(made["config"], json!({"ldap": {"url": "x"}}));
    admin.expect(404, &format!("GET {whole}/ldap/password"), None).await;
    let stored = cloud.identity.store().snapshot().get::<DomainConfig>(&domain).unwrap();
    assert!(!serde_json::to_string(&*stored).unwrap().contains("hush"));
    identity::ops::keys::rotate(&cloud.identity, identity::model::Purpose::Credentials).await.unwrap();
    for keeper in identity::reconcilers(&cloud.identity) {
        keeper.reconcile().await.unwrap();
    }
    let again = cloud.identity.store().snapshot().get::<DomainConfig>(&domain).unwrap();
    assert_ne!(stored.secrets, again.secrets, "sealed with the new key");
    admin.expect(204, &format!("DELETE {whole}/ldap/password"), None).await;
    admin.expect(404, &format!("DELETE {whole}/ldap/password"), None).await;
}

#[tokio::test]
async fn everybody_may_know_what_a_password_must_be() {
    let mut strict = config();
    strict.passwords.regex = Some(".{7,}".into());
    strict.passwords.regex_description = "seven characters".into();
    let cloud = Cloud::with(strict).await;
    let admin = cloud.admin().await;
    admin.create("user", json!({"name": "ann", "password": "longenough"})).await;
    let ann = cloud.api.token(&cloud.token("ann", "longenough", json!("unscoped")).await);
    let rules = json!({"password_regex": ".{7,}", "password_regex_description": "seven characters"});
    let path = "/domains/default/config/security_compliance";
    assert_eq!(ann.expect(200, &format!("GET {path}"), None).await["config"], json!({"security_compliance": rules}));
    let one = ann.expect(200, &format!("GET {path}/password_regex"), None).await;
    assert_eq!(one["config"], json!({"password_regex": ".{7,}"}));
    ann.expect(403, &format!("GET {path}/lockout_duration"), None).await;
    let other = admin.create("domain", json!({"name": "d"})).await;
    ann.expect(403, &format!("GET /domains/{other}/config/security_compliance"), None).await;
}

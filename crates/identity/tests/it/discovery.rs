use crate::cloud::Cloud;
use serde_json::json;

#[tokio::test]
async fn versions_need_no_token_and_no_particular_spelling() {
    let cloud = Cloud::new().await;
    let v3 = json!({
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": "http://cloud.test:5000/identity/v3/"}],
        "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}],
    });
    for path in ["/identity", "/identity/"] {
        let answer = cloud.api.call(&format!("GET {path}"), None).await;
        assert_eq!(answer.status, 300, "{path}");
        assert_eq!(answer.header("location"), "http://cloud.test:5000/identity/v3/");
        assert_eq!(answer.json(), json!({"versions": {"values": [v3]}}));
    }
    for path in ["/identity/v3", "/identity/v3/"] {
        let answer = cloud.api.call(&format!("GET {path}"), None).await;
        assert_eq!((answer.status, answer.json()), (200, json!({"version": v3})), "{path}");
    }
    let behind_a_proxy = cloud.api.with("x-forwarded-proto", "https").with("x-forwarded-host", "api.example:443");
    let answer = behind_a_proxy.call("GET /identity/v3", None).await;
    assert_eq!(answer.json()["version"]["links"][0]["href"], "https://api.example:443/identity/v3/");
}

#[tokio::test]
async fn everything_else_needs_one() {
    let cloud = Cloud::new().await;
    for path in ["/users", "/nowhere", "/auth/tokens", "/auth/projects"] {
        let answer = cloud.api.call(&format!("GET /identity/v3{path}"), None).await;
        assert_eq!(answer.status, 401, "{path}");
        assert_eq!(answer.header("www-authenticate"), "Keystone uri=\"http://cloud.test:5000/identity/v3\"");
        assert!(answer.json()["error"]["message"].is_string());
    }
    let admin = cloud.admin().await;
    assert_eq!(admin.call("GET /identity/v3/nowhere", None).await.status, 404);
    assert_eq!(admin.call("PUT /identity/v3/users", None).await.status, 405);
}

//! Addresses: slashes, escapes, links.

use crate::service::{api, routes, spec};
use http::{BaseUrl, FaultStyle, Params, next_link};
use serde_json::{Value, json};

#[tokio::test]
async fn slashes_and_escapes() {
    let ann = api(FaultStyle::Nova).token("ann");
    for (path, status, body) in [
        ("/svc", 200, json!({"versions": []})),
        ("/svc/", 200, json!({"versions": []})),
        ("/svc/things/1", 200, json!({"id": "1"})),
        ("/svc/things/1/", 200, json!({"id": "1"})),
        ("/svc/%74hings/1", 200, json!({"id": "1"})),
        ("/svc/things/a%2Fb%20%C3%A9", 200, json!({"id": "a/b é"})),
        ("/svc/things/%FF", 400, json!({"badRequest": {"code": 400, "message": "The URL is not valid UTF-8."}})),
        ("/svc/numbers/7", 200, json!({"n": 7})),
        ("/svc/params?", 200, json!([])),
        (
            "/svc/params/?a=1&a=%202&b&=c&d=%FF",
            200,
            json!([["a", "1"], ["a", " 2"], ["b", ""], ["", "c"], ["d", "\u{fffd}"]]),
        ),
        ("/svcother", 404, Value::Null),
    ] {
        let answer = ann.call(&format!("GET {path}"), None).await;
        assert_eq!((answer.status, answer.json()), (status, body), "{path}");
    }
    assert_eq!(ann.call("GET /svc/numbers/x", None).await.status, 404, "what cannot be an id is not found");
}

#[tokio::test]
async fn base_url_is_the_clients_view() {
    let ann = api(FaultStyle::Nova).token("ann");
    let base = async |headers: &[(&str, &str)]| {
        let mut api = ann.clone();
        for (name, value) in headers {
            api = api.with(name, value);
        }
        api.call("GET /svc/base", None).await.json()["base"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(base(&[]).await, "http://cloud.test:5000/x");
    assert_eq!(base(&[("x-forwarded-proto", "https"), ("x-forwarded-host", "a.b")]).await, "https://a.b/x");
    assert_eq!(base(&[("x-forwarded-proto", "https, http"), ("x-forwarded-host", "a.b, c.d")]).await, "https://a.b/x");
    assert_eq!(base(&[("x-forwarded-proto", "gopher")]).await, "http://cloud.test:5000/x");
    assert_eq!(base(&[("x-forwarded-host", "[::1]:5000")]).await, "http://[::1]:5000/x");
    for bad in ["a/b", "user@host", "a\"b", "a b", "<x>"] {
        assert_eq!(base(&[("x-forwarded-host", bad)]).await, "http://localhost/x", "{bad}");
    }
}

#[test]
fn next_page() {
    let params = Params::parse("limit=2&marker=old&name=a%20b&sort_key=x&sort_key=y");
    let link = next_link(&BaseUrl::new("http://h:1"), "/svc/things", &params, "new");
    assert_eq!(link, "http://h:1/svc/things?limit=2&name=a+b&sort_key=x&sort_key=y&marker=new");
}

#[test]
fn parameters() {
    let params = Params::parse("a=1&a=2&all_tenants&deleted=False&odd=maybe");
    assert_eq!(params.get("a"), Some("2"));
    assert_eq!(params.all("a").collect::<Vec<_>>(), ["1", "2"]);
    assert!(params.has("all_tenants") && !params.has("b"));
    assert_eq!(params.flag("all_tenants").unwrap(), Some(true));
    assert_eq!(params.flag("deleted").unwrap(), Some(false));
    assert_eq!(params.flag("b").unwrap(), None);
    let refused = params.flag("odd").unwrap_err();
    assert_eq!(refused.message(), "Invalid input for query parameters odd. Value: maybe. 'maybe' is not a boolean");
}

#[test]
fn routes_list_what_is_served() {
    let lines: Vec<_> = routes()
        .routes(&spec(FaultStyle::Nova))
        .into_iter()
        .map(|r| format!("{} {} {}", r.method, r.path, r.action.unwrap_or_default()))
        .filter(|line| line.contains("things"))
        .collect();
    assert_eq!(
        lines,
        [
            "DELETE /svc/things/{id} ",
            "GET /svc/things/{id} ",
            "POST /svc/things ",
            "POST /svc/things/{id}/action os-start",
            "POST /svc/things/{id}/action os-stop",
        ]
    );
    let action = routes().routes(&spec(FaultStyle::Nova)).into_iter().find(|r| r.action.is_some()).unwrap();
    let plain = routes().routes(&spec(FaultStyle::Nova)).into_iter().find(|r| r.action.is_none()).unwrap();
    assert_eq!(
        serde_json::to_value(action).unwrap(),
        json!({
            "service": "test", "method": "POST", "path": "/svc/things/{id}/action", "action": "os-start",
        })
    );
    assert!(serde_json::to_value(plain).unwrap().get("action").is_none());
}

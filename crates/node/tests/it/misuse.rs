//! Requests that are wrong, against the whole node: each service refuses in its own words, and goes on.

use crate::rig::{Answer, Login, Node};
use serde_json::{Value, json};

/// What a service's refusal looks like; the message in it.
fn message(service: &str, answer: &Answer) -> String {
    let Answer { status, body } = answer;
    let code = json!(status);
    let fault =
        |name: &str| body[name].as_object().filter(|f| f["code"] == code).map(|_| body[name]["message"].clone());
    let found = match service {
        "identity" => fault("error").filter(|_| body["error"]["title"].is_string()),
        "compute" | "volume" => {
            ["badRequest", "itemNotFound", "overLimit", "forbidden", "conflictingRequest", "badMethod"]
                .iter()
                .find_map(|name| fault(name))
        }
        "network" => body["NeutronError"]["type"].as_str().and(Some(body["NeutronError"]["message"].clone())),
        "placement" => {
            let error = &body["errors"][0];
            (error["status"] == code && error["request_id"].is_string()).then(|| error["detail"].clone())
        }
        "key-manager" => (body["code"] == code && body["title"].is_string()).then(|| body["description"].clone()),
        // Glance answers with a page unless it is asked for JSON.
        "image" => body.as_str().filter(|page| page.contains(&format!("<h1>{status} "))).map(|page| {
            let text = page.split_once("</h1>").map_or(page, |(_, rest)| rest);
            json!(text.split("<br />").next().unwrap_or_default().trim())
        }),
        other => panic!("no service {other}"),
    };
    let found = found.unwrap_or_else(|| panic!("that is no refusal of {service}: {answer:?}"));
    found.as_str().unwrap_or_else(|| panic!("{service} gives no message: {answer:?}")).to_owned()
}

fn service(line: &str) -> &str {
    line.split_once(" /").and_then(|(_, path)| path.split('/').next()).expect("METHOD /service/…")
}

/// `line` with `body` is refused with `status` and a message that has `expect`.
async fn refused(user: &Login, line: &str, body: &str, status: u16, expect: &str) {
    let answer = user.raw(line, body, "application/json").await;
    assert_eq!(answer.status, status, "{line} {body}: {answer:?}");
    let message = message(service(line), &answer);
    assert!(message.contains(expect), "{line} {body}: {expect} is not in: {message}");
}

#[tokio::test]
async fn bodies_that_are_no_json() {
    let node = Node::started().await;
    let admin = node.admin().await;
    for (line, malformed) in [
        ("POST /identity/v3/projects", "Expecting to find valid JSON in request body"),
        ("POST /compute/v2.1/servers", "Malformed request body"),
        ("POST /network/v2.0/networks", "malformed or otherwise incorrect"),
        ("POST /volume/v3/volumes", "Malformed request body"),
        ("POST /image/v2/images", "Malformed JSON in request body"),
        ("POST /key-manager/v1/secrets", "Malformed JSON"),
    ] {
        for body in ["{\"a\":", "{\"a\": 1}}", "\u{0}", "nonsense"] {
            refused(&admin, line, body, 400, malformed).await;
        }
        for body in ["[1]", "7", "null", "\"text\""] {
            let answer = admin.raw(line, body, "application/json").await;
            assert_eq!(answer.status, 400, "{line} {body}: {answer:?}");
            message(service(line), &answer);
        }
        // Not text at all, and nested deeper than anybody means.
        let bytes = admin.raw(line, vec![0xff, 0xfe, 0x00, 0x80], "application/json").await;
        assert_eq!(bytes.status, 400, "{line}: {bytes:?}");
        let deep = format!("{{\"a\": {}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
        let answer = admin.raw(line, deep, "application/json").await;
        assert_eq!(answer.status, 400, "{line}, nested: {}", answer.status);
    }
    assert!(!node.log().contains("panic"), "{}", node.log());
}

#[tokio::test]
async fn values_of_the_wrong_type() {
    let node = Node::started().await;
    let admin = node.admin().await;
    for (line, body, expect) in [
        ("POST /identity/v3/projects", r#"{"project": {"name": 7}}"#, "'project/name': 7 is not of type 'string'"),
        ("POST /identity/v3/users", r#"{"user": {"name": "a", "enabled": "perhaps"}}"#, "user/enabled"),
        ("POST /compute/v2.1/servers", r#"{"server": {"name": 7}}"#, "name. Value: 7. 7 is not of type 'string'"),
        ("POST /compute/v2.1/flavors", r#"{"flavor": {"name": "f", "ram": "x", "vcpus": 1, "disk": 1}}"#, "ram"),
        ("POST /network/v2.0/networks", r#"{"network": {"name": 7}}"#, "Invalid input for name. Reason: '7'"),
        ("POST /network/v2.0/networks", r#"{"network": {"colour": "red"}}"#, "colour"),
        ("POST /volume/v3/volumes", r#"{"volume": {"size": "x"}}"#, "'x' must be an integer and greater than 0"),
        ("POST /image/v2/images", r#"{"name": 7}"#, "7 is not of type"),
        ("GET /compute/v2.1/servers?limit=x", "", "Invalid input for query parameters limit. Value: x"),
        ("GET /network/v2.0/networks?limit=x", "", "Limit must be an integer"),
        ("GET /volume/v3/volumes?limit=x", "", "limit"),
        ("GET /image/v2/images?limit=x", "", "limit"),
    ] {
        refused(&admin, line, body, 400, expect).await;
    }
}

#[tokio::test]
async fn ids_of_nothing() {
    let node = Node::started().await;
    let admin = node.admin().await;
    let absent = "00000000-0000-0000-0000-000000000000";
    for (path, expect) in [
        ("identity/v3/projects", "Could not find project: "),
        ("identity/v3/users", "Could not find user: "),
        ("compute/v2.1/servers", "could not be found"),
        ("compute/v2.1/flavors", "could not be found"),
        ("network/v2.0/networks", "could not be found"),
        ("network/v2.0/ports", "could not be found"),
        ("volume/v3/volumes", "could not be found"),
        ("volume/v3/snapshots", "could not be found"),
        ("image/v2/images", "Failed to find image"),
        ("placement/resource_providers", "No resource provider with uuid"),
        ("compute/v2.1/nowhere", "could not be found"),
        ("network/v2.0", "could not be found"),
        ("placement", "could not be found"),
    ] {
        for id in [absent, "foreign", "%2e%2e%2fetc%2fpasswd", "%00", "%ff"] {
            let answer = admin.raw(&format!("GET /{path}/{id}"), "", "application/json").await;
            let service = path.split('/').next().unwrap();
            assert!(matches!(answer.status, 404 | 400), "{path}/{id}: {answer:?}");
            let text = message(service, &answer);
            assert!(id != absent || text.contains(expect), "{path}/{id}: {text}");
        }
    }
    let nowhere = admin.raw("GET /nowhere", "", "application/json").await;
    assert_eq!((nowhere.status, &nowhere.body["error"]["message"]), (404, &json!("no service is served here")));
    let method = admin.raw("PATCH /compute/v2.1/servers", "", "application/json").await;
    assert_eq!(method.status, 405, "{method:?}");
}

#[tokio::test]
async fn what_is_another_projects_is_not_there() {
    let node = Node::started().await;
    let admin = node.admin().await;
    let project =
        admin.must("POST /identity/v3/projects", json!({"project": {"name": "p", "domain_id": "default"}})).await;
    let user = json!({"user": {"name": "u", "domain_id": "default", "password": "s3cret"}});
    let user = admin.must("POST /identity/v3/users", user).await;
    let roles = admin.must("GET /identity/v3/roles?name=member", Value::Null).await;
    let text = |value: &Value| value["id"].as_str().unwrap().to_owned();
    let (project, user, role) = (text(&project["project"]), text(&user["user"]), text(&roles["roles"][0]));
    admin.must(&format!("PUT /identity/v3/projects/{project}/users/{user}/roles/{role}"), Value::Null).await;
    let other = node.login("u", "s3cret", "p").await;
    let network = admin.must("POST /network/v2.0/networks", json!({"network": {"name": "n"}})).await;
    let volume = admin.must("POST /volume/v3/volumes", json!({"volume": {"size": 1}})).await;
    let image = admin.must("POST /image/v2/images", json!({"disk_format": "raw", "container_format": "bare"})).await;
    let paths = [
        format!("/network/v2.0/networks/{}", text(&network["network"])),
        format!("/volume/v3/volumes/{}", text(&volume["volume"])),
        format!("/image/v2/images/{}", text(&image)),
    ];
    for path in paths {
        for method in ["GET", "DELETE"] {
            let answer = other.raw(&format!("{method} {path}"), "", "application/json").await;
            assert_eq!(answer.status, 404, "{method} {path}: {answer:?}");
            message(service(&format!("{method} {path}")), &answer);
        }
        admin.must(&format!("GET {path}"), Value::Null).await;
    }
}

//! What has left Nova answers 410, in every version, to whoever has a token; Nova's other names for what it has lead there.

use crate::world::{Cloud, expect, id_of, new_server};
use http::testkit::Api;
use serde_json::{Value, json};

fn at(api: &Api, minor: u16) -> Api {
    api.with("openstack-api-version", &format!("compute 2.{minor}"))
}

#[tokio::test]
async fn what_has_left_says_so() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    for (request, body) in [
        ("GET os-agents", None),
        ("PUT os-agents/1", Some(json!({"para": {}}))),
        ("DELETE os-cells/x", None),
        ("POST os-certificates", Some(json!({}))),
        ("POST os-fixed-ips/192.0.2.1/action", Some(json!({"reserve": null}))),
        ("POST os-networks", Some(json!({"network": {"label": "x"}}))),
        ("DELETE os-tenant-networks/x", None),
        ("POST os-networks/x/action", Some(json!({"disassociate": null}))),
        ("GET servers/x/os-virtual-interfaces", None),
        ("GET servers/x/consoles", None),
        ("POST servers/x/action", Some(json!({"resetNetwork": null}))),
        ("POST servers/x/action", Some(json!({"os-getRDPConsole": {"type": "rdp-html5"}}))),
    ] {
        let (method, path) = request.split_once(' ').unwrap();
        let request = format!("{method} /compute/v2.1/{path}");
        let told = expect(&api.token("member").call(&request, body.clone()).await, 410);
        assert_eq!(
            told["computeFault"]["message"],
            "This resource is no longer available.  No forwarding address is given."
        );
        expect(&api.call(&request, body).await, 401);
    }
    let later = json!({"os-getRDPConsole": {"type": "rdp-html5"}});
    expect(&at(&api.token("member"), 6).call("POST /compute/v2.1/servers/x/action", later).await, 404);
}

#[tokio::test]
async fn bare_metal_is_asked_for_elsewhere() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let check = async |who: &str, minor: u16, request: &str, body: Option<Value>, status: u16| {
        let answer = at(&api.token(who), minor).call(request, body).await;
        assert_eq!(answer.status, status, "{who} 2.{minor} {request}: {}", answer.text());
    };
    const NODES: &str = "/compute/v2.1/os-baremetal-nodes";
    check("member", 1, &format!("GET {NODES}"), None, 403).await;
    check("admin", 1, &format!("GET {NODES}"), None, 501).await;
    check("admin", 1, &format!("GET {NODES}/1"), None, 501).await;
    check("admin", 36, &format!("GET {NODES}"), None, 404).await;
    check("admin", 1, &format!("POST {NODES}"), Some(json!({})), 400).await;
    check("admin", 36, &format!("POST {NODES}"), Some(json!({})), 404).await;
    check("admin", 1, &format!("DELETE {NODES}/1"), None, 400).await;
    let action = format!("POST {NODES}/1/action");
    check("admin", 1, &action, Some(json!({"add_interface": {"address": "x"}})), 400).await;
    check("admin", 1, &action, Some(json!({"fly": {}})), 400).await;
}

#[tokio::test]
async fn servers_by_their_name_of_old() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let member = api.token("member");
    const BOOT: &str = "/compute/v2.1/os-volumes_boot";
    let id = id_of(&expect(&member.call(&format!("POST {BOOT}"), new_server()).await, 202));
    cloud.reach(&id, "ACTIVE").await;
    for path in [BOOT.to_owned(), format!("{BOOT}/detail")] {
        let listed = expect(&member.call(&format!("GET {path}"), None).await, 200);
        assert_eq!(listed["servers"][0]["id"], id, "{path}");
    }
    let named = json!({"server": {"name": "two"}});
    expect(&member.call(&format!("PUT {BOOT}/{id}"), named).await, 200);
    let shown = expect(&member.call(&format!("GET {BOOT}/{id}"), None).await, 200);
    assert_eq!(shown["server"]["name"], "two");
    let action = format!("POST {BOOT}/{id}/action");
    expect(&member.call(&action, json!({"lock": null})).await, 400);
    expect(&at(&member, 103).call(&action, json!({"os-stop": null})).await, 404);
    expect(&member.call(&action, json!({"os-stop": null})).await, 202);
    cloud.reach(&id, "SHUTOFF").await;
    expect(&at(&member, 103).call(&format!("DELETE {BOOT}/{id}"), None).await, 404);
    expect(&member.call(&format!("DELETE {BOOT}/{id}"), None).await, 204);
    cloud.gone(&id).await;
}

#[tokio::test]
async fn versions_have_documents() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let member = api.token("member");
    for (id, status) in [("v2.0", 200), ("v2.1", 200), ("v3", 404)] {
        let told = expect(&member.call(&format!("GET /compute/v2.1/versions/{id}"), None).await, status);
        assert!(status == 404 || told["version"]["id"] == id, "{told}");
    }
}

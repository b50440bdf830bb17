//! Lists, changes and sub-resources of servers.

use crate::world::{Cloud, IMAGE, NETWORK, expect, id_of, new_server};
use compute::driver::VmState;
use http::testkit::Api;
use serde_json::{Value, json};

async fn create(cloud: &Cloud, api: &Api, name: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut body = new_server();
    body["server"]["name"] = name.into();
    change(&mut body["server"]);
    let id = id_of(&expect(&api.call("POST /compute/v2.1/servers", body).await, 202));
    cloud.reach(&id, "ACTIVE").await;
    id
}

fn names(list: &Value) -> Vec<String> {
    let name = |s: &Value| s["name"].as_str().unwrap().to_owned();
    list["servers"].as_array().unwrap().iter().map(name).collect()
}

#[tokio::test]
async fn lists_are_newest_first_in_pages_and_filtered() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let member = api.token("member").with("openstack-api-version", "compute 2.90");
    for (name, tags) in [("alpha", json!(["x"])), ("beta", json!(["x", "y"])), ("gamma", json!([]))] {
        create(&cloud, &member, name, |s| s["tags"] = tags).await;
    }
    let gamma = cloud.servers().into_iter().find(|s| s.name == "gamma").unwrap();
    cloud.hosts.guest_becomes(&gamma.id, VmState::Shutdown).await;
    let check = async |query: &str, expect_names: &[&str]| {
        for path in ["servers", "servers/detail"] {
            let answer = member.call(&format!("GET /compute/v2.1/{path}?{query}"), None).await;
            assert_eq!(names(&expect(&answer, 200)), expect_names, "{path}?{query}");
        }
    };
    check("", &["gamma", "beta", "alpha"]).await;
    check("limit=2", &["gamma", "beta"]).await;
    check(&format!("marker={}", gamma.id), &["beta", "alpha"]).await;
    check(&format!("limit=1&marker={}", gamma.id), &["beta"]).await;
    check("limit=0", &[]).await;
    check("sort_key=display_name&sort_dir=asc", &["alpha", "beta", "gamma"]).await;
    check("sort_key=display_name", &["gamma", "beta", "alpha"]).await;
    check("sort_key=vm_state&sort_dir=asc&sort_key=display_name&sort_dir=asc", &["alpha", "beta", "gamma"]).await;
    check(&format!("sort_key=display_name&sort_dir=asc&limit=1&marker={}", gamma.id), &[]).await;
    check("name=^al", &["alpha"]).await;
    check("name=a$", &["gamma", "beta", "alpha"]).await;
    check("status=SHUTOFF", &["gamma"]).await;
    check("status=active", &["beta", "alpha"]).await;
    check("status=ACTIVE&status=SHUTOFF", &["gamma", "beta", "alpha"]).await;
    check(&format!("image={IMAGE}"), &["gamma", "beta", "alpha"]).await;
    check("flavor=84", &[]).await;
    check("ip=10.0.0", &["gamma", "beta", "alpha"]).await;
    check("ip=^11", &[]).await;
    check("tags=x,y", &["beta"]).await;
    check("tags-any=x,y", &["beta", "alpha"]).await;
    check("not-tags=x,y", &["gamma", "alpha"]).await;
    check("not-tags-any=x", &["gamma"]).await;
    check("power_state=4", &["gamma"]).await;
    check("vm_state=stopped", &["gamma"]).await;
    check("hostname=alpha", &["alpha"]).await;
    check("locked=true", &[]).await;
    check("changes-since=2000-01-01T00:00:00Z", &["gamma", "beta", "alpha"]).await;
    check("changes-before=2000-01-01T00:00:00Z", &[]).await;
    check("changes-since=2100-01-01T00:00:00Z", &[]).await;
    // Users do not filter by host: it is as if they had not asked.
    check("host=h9", &["gamma", "beta", "alpha"]).await;
    let admin = api.token("admin").call("GET /compute/v2.1/servers?all_tenants=1&host=h9", None).await;
    assert_eq!(names(&expect(&admin, 200)), [""; 0]);
    let admin = api.token("admin").call("GET /compute/v2.1/servers?all_tenants=1&tenant_id=p2", None).await;
    assert_eq!(names(&expect(&admin, 200)), [""; 0]);
}

#[tokio::test]
async fn a_full_page_leads_to_the_next() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let member = api.token("member");
    for name in ["a", "b", "c"] {
        create(&cloud, &member, name, |_| {}).await;
    }
    let mut path = "/compute/v2.1/servers?limit=2&name=.".to_owned();
    let mut seen = Vec::new();
    while let Some(next) = {
        let page = expect(&member.call(&format!("GET {path}"), None).await, 200);
        seen.extend(names(&page));
        page["servers_links"][0]["href"].as_str().map(str::to_owned)
    } {
        path = next.strip_prefix("http://cloud.test:5000").unwrap().to_owned();
    }
    assert_eq!(seen, ["c", "b", "a"]);
}

#[tokio::test]
async fn deleted_servers_are_remembered_for_those_who_ask() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let (member, admin) = (api.token("member"), api.token("admin"));
    let id = create(&cloud, &member, "gone", |_| {}).await;
    expect(&member.call(&format!("DELETE /compute/v2.1/servers/{id}"), None).await, 204);
    cloud.gone(&id).await;
    let list = async |api: &Api, query: &str| {
        let answer = api.call(&format!("GET /compute/v2.1/servers/detail?{query}"), None).await;
        let list = expect(&answer, 200)["servers"].clone();
        list.as_array().unwrap().iter().map(|s| s["status"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(list(&member, "").await, [""; 0]);
    assert_eq!(list(&member, "deleted=true").await, [""; 0], "users cannot ask");
    assert_eq!(list(&member, "changes-since=2000-01-01T00:00:00Z").await, ["DELETED"]);
    assert_eq!(list(&api.token("other"), "changes-since=2000-01-01T00:00:00Z").await, [""; 0]);
    assert_eq!(list(&admin, "all_tenants=1&deleted=true").await, ["DELETED"]);
    assert_eq!(list(&admin, "all_tenants=1&status=deleted").await, ["DELETED"]);
    let actions = format!("GET /compute/v2.1/servers/{id}/os-instance-actions");
    expect(&member.with("openstack-api-version", "compute 2.20").call(&actions, None).await, 404);
    let told = expect(&member.with("openstack-api-version", "compute 2.21").call(&actions, None).await, 200);
    assert_eq!(told["instanceActions"].as_array().unwrap().len(), 2);
    expect(&api.token("other").with("openstack-api-version", "compute 2.21").call(&actions, None).await, 404);
    let usage = member.call("GET /compute/v2.1/os-simple-tenant-usage/p1?start=2000-01-01T00:00:00", None).await;
    assert_eq!(expect(&usage, 200)["tenant_usage"]["server_usages"][0]["state"], "terminated");
}

#[tokio::test]
async fn owners_change_what_is_theirs() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let member = api.token("member").with("openstack-api-version", "compute 2.104");
    let id = create(&cloud, &member, "one", |_| {}).await;
    let put = async |body: Value, status: u16| {
        let answer = member.call(&format!("PUT /compute/v2.1/servers/{id}"), json!({"server": body})).await;
        expect(&answer, status)
    };
    let changed =
        put(json!({"name": " two ".trim(), "description": null, "accessIPv6": "::1", "hostname": "web.example"}), 200)
            .await;
    assert_eq!(changed["server"]["name"], "two");
    assert_eq!((&changed["server"]["description"], &changed["server"]["accessIPv6"]), (&json!(null), &json!("::1")));
    let intent = cloud.store.snapshot().get::<compute::model::vm::VmIntent>(&id).unwrap();
    assert_eq!(
        (intent.metadata.name.as_str(), intent.metadata.hostname.as_str()),
        ("two", "web.example"),
        "the guest reads it"
    );
    put(json!({"accessIPv6": ""}), 200).await;
    put(json!({"status": "ERROR"}), 400).await;
    put(json!({"pinned_availability_zone": "elsewhere"}), 409).await;
    assert_eq!(
        put(json!({"pinned_availability_zone": "nova"}), 200).await["server"]["pinned_availability_zone"],
        "nova"
    );
    put(json!({"pinned_availability_zone": "east"}), 409).await;
    put(json!({"pinned_availability_zone": null}), 200).await;
}

#[tokio::test]
async fn metadata_and_tags() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let member = api.token("member").with("openstack-api-version", "compute 2.26");
    let id = create(&cloud, &member, "one", |s| s["metadata"] = json!({"a": "1"})).await;
    let call = async |method: &str, sub: &str, body: Option<Value>, status: u16| {
        expect(&member.call(&format!("{method} /compute/v2.1/servers/{id}/{sub}"), body).await, status)
    };
    let set = |items: Value| Some(json!({"metadata": items}));
    assert_eq!(call("POST", "metadata", set(json!({"b": "2"})), 200).await["metadata"], json!({"a": "1", "b": "2"}));
    assert_eq!(call("PUT", "metadata", set(json!({"c": "3"})), 200).await["metadata"], json!({"c": "3"}));
    assert_eq!(call("PUT", "metadata/d", Some(json!({"meta": {"d": "4"}})), 200).await["meta"], json!({"d": "4"}));
    call("PUT", "metadata/d", Some(json!({"meta": {"e": "4"}})), 400).await;
    assert_eq!(call("GET", "metadata/d", None, 200).await["meta"], json!({"d": "4"}));
    call("DELETE", "metadata/d", None, 204).await;
    call("DELETE", "metadata/d", None, 404).await;
    call("GET", "metadata/d", None, 404).await;
    let many: serde_json::Map<_, _> = (0..129).map(|n| (format!("k{n}"), json!("v"))).collect();
    call("PUT", "metadata", set(many.into()), 403).await;
    let intent = cloud.store.snapshot().get::<compute::model::vm::VmIntent>(&id).unwrap();
    assert_eq!(intent.metadata.meta, [("c".to_owned(), "3".to_owned())].into(), "the guest reads it");
    call("PUT", "tags/x", None, 201).await;
    call("PUT", "tags/x", None, 204).await;
    call("GET", "tags/x", None, 204).await;
    call("GET", "tags/y", None, 404).await;
    assert_eq!(call("PUT", "tags", Some(json!({"tags": ["p", "q"]})), 200).await["tags"], json!(["p", "q"]));
    call("PUT", "tags", Some(json!({"tags": ["a,b"]})), 400).await;
    call("DELETE", "tags/p", None, 204).await;
    call("DELETE", "tags/p", None, 404).await;
    call("DELETE", "tags", None, 204).await;
    assert_eq!(call("GET", "tags", None, 200).await["tags"], json!([]));
}

#[tokio::test]
async fn locks_hold_off_all_but_administrators() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let (member, admin) = (api.token("member"), api.token("admin"));
    let id = create(&cloud, &member, "one", |_| {}).await;
    let path = format!("POST /compute/v2.1/servers/{id}/action");
    let act =
        async |api: &Api, action: &str, status: u16| expect(&api.call(&path, json!({ action: null })).await, status);
    act(&member, "lock", 202).await;
    let refused = act(&member, "os-stop", 409).await;
    assert_eq!(refused["conflictingRequest"]["message"], format!("Instance {id} is locked"));
    expect(&member.call(&format!("DELETE /compute/v2.1/servers/{id}"), None).await, 409);
    act(&member, "unlock", 202).await;
    act(&admin, "lock", 202).await;
    act(&member, "unlock", 403).await;
    act(&admin, "os-stop", 202).await;
    cloud.reach(&id, "SHUTOFF").await;
    act(&admin, "unlock", 202).await;
    act(&member, "os-start", 202).await;
    cloud.reach(&id, "ACTIVE").await;
}

#[tokio::test]
async fn consoles() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let member = api.token("member").with("openstack-api-version", "compute 2.6");
    let id = create(&cloud, &member, "one", |_| {}).await;
    let output = json!({"os-getConsoleOutput": {"length": "2"}});
    let answer = member.call(&format!("POST /compute/v2.1/servers/{id}/action"), output).await;
    assert_eq!(expect(&answer, 200)["output"], "two[0m\nthree", "without what terminals choke on");
    let (method, params) = cloud.hosts.calls.lock().last().cloned().unwrap();
    assert_eq!((method.as_str(), &params["lines"]), ("vm.console_log", &json!(2)));
    let console = |kind: &str| json!({"remote_console": {"protocol": "vnc", "type": kind}});
    let path = format!("POST /compute/v2.1/servers/{id}/remote-consoles");
    let made = expect(&member.call(&path, console("novnc")).await, 200);
    let url = made["remote_console"]["url"].as_str().unwrap();
    let token = url.strip_prefix("http://cloud.test:5000/console/vnc?token=").unwrap();
    let compute = cloud.compute(&flow::Starter::new("look".into()));
    assert_eq!(compute.console(token).unwrap().server, *id);
    assert!(compute.console("guessed").is_none());
    expect(&member.call(&path, console("xvpvnc")).await, 400);
    expect(&member.with("openstack-api-version", "compute 2.5").call(&path, console("novnc")).await, 404);
    let host = cloud.server(&id).host.clone().unwrap();
    cloud.hosts.mood(&host, |m| m.away = true);
    let output = json!({"os-getConsoleOutput": {}});
    expect(&member.call(&format!("POST /compute/v2.1/servers/{id}/action"), output).await, 409);
}

#[tokio::test]
async fn an_unreachable_host_shows() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let admin = api.token("admin").with("openstack-api-version", "compute 2.16");
    let id = create(&cloud, &api.token("member"), "one", |_| {}).await;
    let status = async || {
        let shown = expect(&admin.call(&format!("GET /compute/v2.1/servers/{id}"), None).await, 200);
        shown["server"]["host_status"].as_str().unwrap().to_owned()
    };
    assert_eq!(status().await, "UP");
    let host = cloud.server(&id).host.clone().unwrap();
    cloud.hosts.mood(&host, |m| m.away = true);
    assert_eq!(status().await, "UNKNOWN");
    let services = expect(&admin.call(&format!("GET /compute/v2.1/os-services?host={host}"), None).await, 200);
    assert_eq!(services["services"][0]["state"], "down");
}

#[tokio::test]
async fn security_groups_and_interfaces() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let member = api.token("member").with("openstack-api-version", "compute 2.49");
    let id = create(&cloud, &member, "one", |_| {}).await;
    let path = format!("POST /compute/v2.1/servers/{id}/action");
    expect(&member.call(&path, json!({"addSecurityGroup": {"name": "web"}})).await, 202);
    let groups = async || {
        let shown = expect(&member.call(&format!("GET /compute/v2.1/servers/{id}"), None).await, 200);
        shown["server"]["security_groups"].clone()
    };
    assert_eq!(groups().await, json!([{"name": "default"}, {"name": "web"}]));
    expect(&member.call(&path, json!({"removeSecurityGroup": {"name": "default"}})).await, 202);
    assert_eq!(groups().await, json!([{"name": "web"}]));
    let interfaces = format!("POST /compute/v2.1/servers/{id}/os-interface");
    for (body, status) in [
        (json!({"net_id": NETWORK, "port_id": IMAGE}), 400),
        (json!({"fixed_ips": [{"ip_address": "10.0.0.9"}]}), 400),
        (json!({"port_id": IMAGE}), 404),
        (json!({"net_id": NETWORK, "tag": "t"}), 200),
    ] {
        expect(&member.call(&interfaces, json!({"interfaceAttachment": body})).await, status);
    }
    cloud.reach(&id, "ACTIVE").await;
    let listed = expect(&member.call(&interfaces.replace("POST", "GET"), None).await, 200);
    let listed = listed["interfaceAttachments"].as_array().unwrap();
    assert_eq!(listed.iter().map(|i| i["port_state"].as_str().unwrap()).collect::<Vec<_>>(), ["ACTIVE", "ACTIVE"]);
    assert_eq!(cloud.server(&id).nics.iter().map(|n| n.slot).collect::<Vec<_>>(), [0, 1]);
}

#[tokio::test]
async fn passwords_are_posted_once() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let member = api.token("member");
    let id = create(&cloud, &member, "one", |_| {}).await;
    let compute = cloud.compute(&flow::Starter::new("metadata".into()));
    let (server, host) = (id.as_str().into(), cloud.server(&id).host.clone().unwrap());
    assert_eq!(compute.guest_password(&host, &server).await.unwrap(), "");
    let elsewhere = compute.post_guest_password(&"elsewhere".into(), &server, "forged".into()).await;
    assert_eq!(elsewhere.unwrap_err().status(), 404, "a host speaks for its own guests only");
    let long = compute.post_guest_password(&host, &server, "x".repeat(1021)).await;
    assert_eq!(long.unwrap_err().status(), 400);
    compute.post_guest_password(&host, &server, "secret".into()).await.unwrap();
    let again = compute.post_guest_password(&host, &server, "again".into()).await;
    assert_eq!(again.unwrap_err().status(), 409);
    assert_eq!(compute.guest_password(&host, &server).await.unwrap(), "secret");
    let path = format!("/compute/v2.1/servers/{id}/os-server-password");
    assert_eq!(expect(&member.call(&format!("GET {path}"), None).await, 200)["password"], "secret");
    expect(&member.call(&format!("DELETE {path}"), None).await, 204);
    assert_eq!(expect(&member.call(&format!("GET {path}"), None).await, 200)["password"], "");
}

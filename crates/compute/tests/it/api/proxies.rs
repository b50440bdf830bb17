//! Deprecated proxies: what they ask of other services and how they tell it, and that they end where Nova's do.

use crate::world::{Cloud, expect};
use serde_json::json;

const GROUPS: &str = "/network/v2.0/security-groups";

#[tokio::test]
async fn networks_images_volumes_and_addresses_by_their_old_names() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let member = api.token("member");
    let n = &cloud.neighbours;
    n.answer("GET /network/v2.0/networks", json!({"networks": [{"id": "n1", "name": "net"}]}));
    n.answer("GET /network/v2.0/networks/n1", json!({"network": {"id": "n1", "name": "net"}}));
    n.answer("GET /network/v2.0/networks?router:external=true", json!({"networks": [{"id": "x", "name": "public"}]}));
    let ip = json!({
        "id": "f", "floating_ip_address": "1.2.3.4", "fixed_ip_address": null, "floating_network_id": "x",
        "port_details": {"device_id": "s"},
    });
    n.answer("GET /network/v2.0/floatingips?project_id=p1", json!({"floatingips": [ip.clone()]}));
    n.answer("POST /network/v2.0/floatingips", json!({"floatingip": ip}));
    let image = json!({
        "id": "i", "name": "img", "status": "active", "size": 5, "min_ram": 0, "min_disk": 1, "a": "b",
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", "visibility": "public",
    });
    n.answer("GET /image/v2/images/i", image);
    n.answer("PATCH /image/v2/images/i", json!({}));
    let volume = json!({"id": "v", "name": "vol", "size": 1, "status": "available", "attachments": [], "metadata": {}});
    n.answer("GET /volume/v3/volumes/detail", json!({"volumes": [volume]}));

    let get = async |path: &str| expect(&member.call(&format!("GET /compute/v2.1{path}"), None).await, 200);
    assert_eq!(get("/os-networks").await["networks"][0]["label"], "net");
    assert_eq!(get("/os-tenant-networks/n1").await, json!({"network": {"id": "n1", "label": "net", "cidr": "None"}}));
    let shown = json!({"id": "f", "ip": "1.2.3.4", "fixed_ip": null, "instance_id": "s", "pool": "public"});
    assert_eq!(get("/os-floating-ips").await, json!({"floating_ips": [shown.clone()]}));
    let made = member.call("POST /compute/v2.1/os-floating-ips", json!({"pool": "public"})).await;
    assert_eq!(expect(&made, 200), json!({"floating_ip": shown}));
    let none = member.call("POST /compute/v2.1/os-floating-ips", json!({"pool": "nowhere"})).await;
    assert_eq!(expect(&none, 404)["itemNotFound"]["message"], "Floating IP pool not found.");
    let image = get("/images/i").await;
    assert_eq!((&image["image"]["status"], &image["image"]["metadata"]), (&json!("ACTIVE"), &json!({"a": "b"})));
    let replaced = member.call("PUT /compute/v2.1/images/i/metadata", json!({"metadata": {"c": "d"}})).await;
    assert_eq!(expect(&replaced, 200), json!({"metadata": {"c": "d"}}));
    let patched = cloud.neighbours.asked.lock().last().cloned().unwrap();
    let patch = json!([{"op": "add", "path": "/c", "value": "d"}, {"op": "remove", "path": "/a"}]);
    assert_eq!(patched, ("PATCH /image/v2/images/i".to_owned(), patch));
    assert_eq!(get("/os-volumes").await["volumes"][0]["displayName"], "vol");

    let newer = member.with("openstack-api-version", "compute 2.36");
    for path in
        ["os-networks", "os-floating-ips", "images", "os-volumes", "os-security-groups", "os-tenant-networks/n1"]
    {
        expect(&newer.call(&format!("GET /compute/v2.1/{path}"), None).await, 404);
    }
}

#[tokio::test]
async fn security_groups_in_old_words() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let member = api.token("member");
    let id = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa";
    let rule = json!({
        "id": "r", "security_group_id": id, "direction": "ingress", "protocol": "tcp", "port_range_min": 22,
        "port_range_max": 22, "remote_ip_prefix": null, "remote_group_id": id, "ethertype": "IPv4",
    });
    let group = json!({"id": id, "name": "g", "description": "d", "tenant_id": "p1", "security_group_rules": [rule]});
    let n = &cloud.neighbours;
    n.answer(&format!("GET {GROUPS}?tenant_id=p1"), json!({"security_groups": [group]}));
    n.answer(&format!("GET {GROUPS}/{id}"), json!({"security_group": group}));
    n.answer("POST /network/v2.0/security-group-rules", json!({"security_group_rule": rule}));
    let listed = expect(&member.call("GET /compute/v2.1/os-security-groups", None).await, 200);
    let shown = json!({
        "id": "r", "parent_group_id": id, "ip_protocol": "tcp", "from_port": 22, "to_port": 22, "ip_range": {},
        "group": {"name": "g", "tenant_id": "p1"},
    });
    assert_eq!(listed["security_groups"][0]["rules"], json!([shown]));
    let asked = json!({"security_group_rule": {"parent_group_id": id, "group_id": id, "ip_protocol": "tcp", "from_port": 22, "to_port": 22}});
    let made = member.call("POST /compute/v2.1/os-security-group-rules", asked).await;
    assert_eq!(expect(&made, 200), json!({"security_group_rule": shown}));
    for (request, body, status) in [
        ("GET /compute/v2.1/os-security-groups/nonsense", None, 400),
        ("DELETE /compute/v2.1/os-security-groups/bbbbbbbb-aaaa-4aaa-8aaa-aaaaaaaaaaaa", None, 404),
        (
            "POST /compute/v2.1/os-security-groups",
            Some(json!({"security_group": {"name": " ", "description": ""}})),
            400,
        ),
        ("POST /compute/v2.1/os-security-groups", Some(json!({"security_group": {"name": "x"}})), 400),
    ] {
        let answer = member.call(request, body).await;
        assert_eq!(answer.status, status, "{request}: {}", answer.text());
    }
    let body = json!({"security_group": {"name": "x", "description": ""}});
    expect(&api.token("reader").call("POST /compute/v2.1/os-security-groups", body).await, 403);
}

#[tokio::test]
async fn hosts_logs_and_counters() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let admin = api.token("admin");
    let hosts = expect(&admin.call("GET /compute/v2.1/os-hosts?zone=nova", None).await, 200);
    assert_eq!(hosts["hosts"][0], json!({"host_name": "h1", "service": "compute", "zone": "nova"}));
    let disabled = admin.call("PUT /compute/v2.1/os-hosts/h1", json!({"status": "disable"})).await;
    assert_eq!(expect(&disabled, 200), json!({"host": "h1", "status": "disabled"}));
    let hosts = expect(&admin.call("GET /compute/v2.1/os-hosts", None).await, 200);
    assert_eq!(hosts["hosts"].as_array().unwrap().len(), 1);
    expect(&admin.call("GET /compute/v2.1/os-hosts/h2/reboot", None).await, 501);
    expect(&admin.call("GET /compute/v2.1/os-hosts/nowhere/reboot", None).await, 404);
    let log = expect(&admin.call("GET /compute/v2.1/os-instance_usage_audit_log", None).await, 200);
    assert_eq!(log["instance_usage_audit_logs"]["overall_status"], "0 of 2 hosts done. 0 errors.");
    expect(&admin.call("GET /compute/v2.1/os-instance_usage_audit_log/yesterday", None).await, 400);
    expect(&api.token("member").call("GET /compute/v2.1/os-hosts", None).await, 403);
}

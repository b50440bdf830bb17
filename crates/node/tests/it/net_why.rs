//! `tstack net why`, of what the API made.

use crate::rig::{Login, Node, words};
use serde_json::{Value, json};

async fn make(admin: &Login, what: &str, path: &str, body: Value) -> Value {
    admin.must(&format!("POST /network/v2.0/{path}"), json!({what: body})).await[what].clone()
}

#[tokio::test]
async fn the_rule_that_decides_is_named() {
    let node = Node::started().await;
    let admin = node.admin().await;
    let network = make(&admin, "network", "networks", json!({"name": "n"})).await["id"].clone();
    make(&admin, "subnet", "subnets", json!({"network_id": network, "ip_version": 4, "cidr": "10.5.0.0/24"})).await;
    let closed = make(&admin, "security_group", "security-groups", json!({"name": "closed"})).await["id"].clone();
    let (a, b) = (json!({"network_id": network}), json!({"network_id": network, "security_groups": [closed]}));
    let (a, also, b) = (
        make(&admin, "port", "ports", a.clone()).await,
        make(&admin, "port", "ports", a).await,
        make(&admin, "port", "ports", b).await,
    );
    let id = |port: &Value| port["id"].as_str().unwrap().to_owned();
    let check = |to: &str, what: &str, reaches: bool, expect: &str| {
        let answer = node.command("net", &["why", &id(&a), to, what]);
        let told = words(&answer);
        assert_eq!(answer.status.success(), reaches, "{told}");
        assert!(told.contains(expect), "{expect} is not in {told}");
    };
    check(&id(&also), "tcp/22", true, "security group default (");
    check(&id(&b), "tcp/22", false, "no rule of its security groups (closed) lets tcp/22 from ");
    check(also["fixed_ips"][0]["ip_address"].as_str().unwrap(), "ping", true, "is on the same subnet 10.5.0.0/24");
    check("10.5.0.250", "udp/53", false, "nobody on network n has 10.5.0.250");
    check("9.9.9.9", "ping", false, "nobody on network n has 10.5.0.1");
    check("nobody", "ping", false, "nobody is neither an address nor the id of a port nor a server");
    check("9.9.9.9", "tcp", false, "tcp is none of ping, tcp/PORT");
}

//! What passed ports and where samples go, as operators and tenants see it.

use crate::rig::{Node, eventually, id, server, words};
use serde_json::{Value, json};

#[tokio::test]
async fn tenants_see_their_own_and_operators_all() {
    let node = Node::started().await;
    let admin = node.admin().await;
    let project = admin.must("POST /identity/v3/projects", json!({"project": {"name": "t"}})).await;
    let user = json!({"user": {"name": "u", "password": "a long secret"}});
    let user = id(&admin.must("POST /identity/v3/users", user).await["user"]);
    let roles = admin.must("GET /identity/v3/roles?name=member", Value::Null).await;
    let (project, role) = (id(&project["project"]), id(&roles["roles"][0]));
    let grant = format!("PUT /identity/v3/projects/{project}/users/{user}/roles/{role}");
    admin.must(&grant, Value::Null).await;
    let tenant = node.login("u", "a long secret", "t").await;

    let network = admin.must("POST /network/v2.0/networks", json!({"network": {"name": "n"}})).await;
    let network = id(&network["network"]);
    let subnet = json!({"subnet": {"network_id": network, "ip_version": 4, "cidr": "10.5.0.0/24"}});
    admin.must("POST /network/v2.0/subnets", subnet).await;
    let server = server(&admin).await;
    let interface = json!({"interfaceAttachment": {"net_id": network}});
    let port = eventually("the server takes an interface", async || {
        let line = format!("POST /compute/v2.1/servers/{server}/os-interface");
        let answer = admin.ask(&line, &interface).await;
        let port = answer.body["interfaceAttachment"]["port_id"].as_str().map(str::to_owned);
        port.ok_or_else(|| format!("{answer:?}"))
    })
    .await;
    eventually("the port is counted", async || {
        let answer = admin.ask(&format!("GET /cloud/v1/traffic/ports/{port}"), &Value::Null).await;
        if answer.status == 200 { Ok(()) } else { Err(format!("{answer:?}")) }
    })
    .await;
    let all = admin.must("GET /cloud/v1/traffic/ports?all_projects=true", Value::Null).await;
    assert_eq!((port_of(&all["ports"][0]), &all["ports"][0]["rx_dropped"]), (port.as_str(), &json!(0)));
    let sums = admin.must("GET /cloud/v1/traffic/projects", Value::Null).await;
    assert_eq!(sums["projects"][0]["ports"], 1);
    let own = tenant.must("GET /cloud/v1/traffic/ports", Value::Null).await;
    assert_eq!(own["ports"], json!([]));
    let check = async |line: &str, body: Value, status: u16| {
        let answer = tenant.ask(line, &body).await;
        assert_eq!(answer.status, status, "{line}: {answer:?}");
    };
    check("GET /cloud/v1/traffic/ports?all_projects=true", Value::Null, 403).await;
    check(&format!("GET /cloud/v1/traffic/ports/{port}"), Value::Null, 404).await;
    let foreign = all["ports"][0]["project_id"].as_str().unwrap();
    check(&format!("GET /cloud/v1/traffic/projects?project_id={foreign}"), Value::Null, 403).await;
    let told = node.command("net", &["traffic", "--ports"]);
    assert!(words(&told).contains(&port), "{}", words(&told));
    let metrics = admin.ask("GET /metrics", &Value::Null).await;
    let metrics = metrics.body.as_str().unwrap_or_default();
    assert!(metrics.contains("tstack_network_received_bytes_total{host="), "{metrics}");

    // Where samples go is the operator's.
    let line = format!("PUT /cloud/v1/net/exports/{network}");
    check(&line, json!({"collector": "192.0.2.1:4739"}), 403).await;
    for (body, status) in [
        (json!({"collector": "192.0.2.1:4739", "sampling": 100}), 200),
        (json!({"collector": "192.0.2.1"}), 400),
        (json!({"collector": "192.0.2.1:4739", "sampling": 0}), 400),
        (json!({"collector": "0.0.0.0:4739"}), 400),
        (json!({}), 400),
    ] {
        let answer = admin.ask(&line, &body).await;
        assert_eq!(answer.status, status, "{body}: {answer:?}");
    }
    let nowhere = "PUT /cloud/v1/net/exports/nowhere";
    assert_eq!(admin.ask(nowhere, &json!({"collector": "192.0.2.1:4739"})).await.status, 404);
    let told = node.command("net", &["export"]);
    assert!(words(&told).contains(&format!("{network} to 192.0.2.1:4739, one packet in 100")), "{}", words(&told));
    let off = node.command("net", &["export", &network, "--off"]);
    assert!(off.status.success() && !words(&off).contains(&network), "{}", words(&off));
    assert_eq!(admin.ask(&format!("DELETE /cloud/v1/net/exports/{network}"), &Value::Null).await.status, 404);
}

fn port_of(port: &Value) -> &str {
    port["port_id"].as_str().unwrap_or_default()
}

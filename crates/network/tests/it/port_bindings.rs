use crate::support::{World, id};
use network::{
    driver::{Logical, LogicalKey},
    model::logical::desired,
};
use serde_json::{Value, json};

#[tokio::test]
async fn a_port_is_bound_to_a_further_host_and_moves() {
    let world = World::new().await;
    let (red, admin, nova) = (world.red(), world.admin(), world.client("service"));
    let (network, _) = red.network("n", "10.0.0.0/24").await;
    let port = id(&red.port(&network).await);
    admin.set("port", &port, json!({"device_owner": "compute:nova", "device_id": "vm", "binding:host_id": "h1"})).await;
    let at = format!("ports/{port}/bindings");
    let made = nova.expect(201, &format!("POST {at}"), json!({"binding": {"host": "h2", "profile": {"a": 1}}})).await;
    let made = &made["binding"];
    assert_eq!(
        (made["host"].as_str(), made["status"].as_str(), made["vif_type"].as_str(), made["vnic_type"].as_str()),
        (Some("h2"), Some("INACTIVE"), Some("ovs"), Some("normal"))
    );
    let hosts = || match desired(&world.store.snapshot(), world.net.settings(), &LogicalKey::Port(port.as_str().into()))
    {
        Some(Logical::Port(p)) => {
            (p.host.map(String::from), p.standby.into_iter().map(String::from).collect::<Vec<_>>())
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(hosts(), (Some("h1".into()), vec!["h2".into()]));
    let states = |all: Vec<Value>| {
        all.iter()
            .map(|b| {
                format!(
                    "{} {} {}",
                    b["host"].as_str().unwrap(),
                    b["status"].as_str().unwrap(),
                    b["vif_type"].as_str().unwrap()
                )
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(states(admin.list(&at).await), ["h1 ACTIVE ovs", "h2 INACTIVE ovs"]);
    assert_eq!(admin.list(&format!("{at}?status=ACTIVE")).await.len(), 1);
    let changed = nova.expect(200, &format!("PUT {at}/h2"), json!({"binding": {"profile": {"b": 2}}})).await;
    assert_eq!(changed["binding"]["profile"], json!({"b": 2}));
    // The guest has come: an action answers with the binding itself.
    let active = nova.expect(200, &format!("PUT {at}/h2/activate"), None).await;
    assert_eq!((active["host"].as_str(), active["status"].as_str()), (Some("h2"), Some("ACTIVE")));
    assert_eq!(states(admin.list(&at).await), ["h1 INACTIVE unbound", "h2 ACTIVE ovs"]);
    assert_eq!(hosts(), (Some("h2".into()), vec![]));
    assert_eq!(admin.show("port", &port).await["binding:host_id"], "h2");
    assert_eq!(admin.show("port", &port).await["binding:profile"], json!({"b": 2}));
    nova.expect(204, &format!("DELETE {at}/h1"), None).await;
    assert_eq!(states(admin.list(&at).await), ["h2 ACTIVE ovs"]);
    nova.expect(204, &format!("DELETE {at}/h2"), None).await;
    assert_eq!(admin.show("port", &port).await["binding:vif_type"], "unbound");
    let first = nova.expect(201, &format!("POST {at}"), json!({"binding": {"host": "h3"}})).await;
    assert_eq!(first["binding"]["status"], "ACTIVE");
    world.audit_store().await;
}

#[tokio::test]
async fn what_bindings_refuse() {
    let world = World::new().await;
    let (red, admin, nova) = (world.red(), world.admin(), world.client("service"));
    let (network, _) = red.network("n", "10.0.0.0/24").await;
    let (port, plain) = (id(&red.port(&network).await), id(&red.port(&network).await));
    admin.set("port", &port, json!({"device_owner": "compute:nova", "binding:host_id": "h1"})).await;
    let at = format!("ports/{port}/bindings");
    let on = |host: &str| json!({"binding": {"host": host}});
    nova.refused(409, "PortBindingAlreadyExists", &format!("POST {at}"), on("h1")).await;
    nova.refused(409, "UnsupportedPortDeviceOwner", &format!("POST ports/{plain}/bindings"), on("h1")).await;
    nova.refused(400, "HTTPBadRequest", &format!("POST {at}"), json!({"binding": {}})).await;
    nova.refused(400, "HTTPBadRequest", &format!("POST {at}"), json!({"binding": {"host": "h2", "vnic_type": "odd"}}))
        .await;
    nova.refused(409, "PortBindingAlreadyActive", &format!("PUT {at}/h1/activate"), None).await;
    nova.refused(404, "PortBindingNotFound", &format!("PUT {at}/h2/activate"), None).await;
    nova.refused(404, "PortBindingNotFound", &format!("GET {at}/h2"), None).await;
    nova.refused(404, "PortBindingNotFound", &format!("DELETE {at}/h2"), None).await;
    nova.refused(404, "PortNotFound", "GET ports/00000000-0000-0000-0000-000000000000/bindings", None).await;
    // Moving guests is the services' affair; administrators may look.
    for (who, status) in [(&red, 403), (&admin, 403)] {
        who.refused(status, "PolicyNotAuthorized", &format!("POST {at}"), on("h2")).await;
    }
    assert!(red.list(&at).await.is_empty());
    assert_eq!(admin.list(&at).await.len(), 1);
    // Whoever takes the port from its host takes its other bindings, too.
    nova.expect(201, &format!("POST {at}"), on("h2")).await;
    admin.set("port", &port, json!({"binding:host_id": ""})).await;
    assert!(admin.list(&at).await.is_empty());
    world.audit_store().await;
}

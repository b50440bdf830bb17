use crate::support::{Client, World, id};
use network::{
    driver::{LCarrier, Logical, LogicalKey},
    model::logical::desired,
};
use serde_json::{Value, json};

async fn port(client: &Client, name: &str) -> String {
    let (network, _) = client.network(name, "10.0.0.0/24").await;
    id(&client.port(&network).await)
}

fn sub(port: &str, vlan: u32) -> Value {
    json!({"port_id": port, "segmentation_type": "vlan", "segmentation_id": vlan})
}

#[tokio::test]
async fn ports_join_a_trunk_and_leave_it() {
    let world = World::new().await;
    let red = world.red();
    let (parent, one, two) = (port(&red, "p").await, port(&red, "a").await, port(&red, "b").await);
    let made = red.make("trunk", json!({"name": "t", "port_id": parent, "sub_ports": [sub(&one, 10)]})).await;
    let trunk = id(&made);
    assert_eq!(made["sub_ports"], json!([sub(&one, 10)]));
    assert_eq!(
        (made["status"].as_str(), made["admin_state_up"].as_bool(), made["tags"].clone()),
        (Some("DOWN"), Some(true), json!([]))
    );
    assert_eq!(red.show("trunk", &trunk).await, made);
    // An action answers with the trunk itself.
    let add = format!("PUT trunks/{trunk}/add_subports");
    let now = red.expect(200, &add, json!({"sub_ports": [sub(&two, 20)]})).await;
    assert_eq!(now["sub_ports"], json!([sub(&one, 10), sub(&two, 20)]));
    let listed = red.expect(200, &format!("GET trunks/{trunk}/get_subports"), None).await;
    assert_eq!(listed, json!({"sub_ports": now["sub_ports"]}));
    // The ports say so, too.
    let shown = red.show("port", &parent).await;
    assert_eq!(shown["trunk_details"]["trunk_id"], *trunk);
    let macs: Vec<_> =
        shown["trunk_details"]["sub_ports"].as_array().unwrap().iter().map(|s| &s["mac_address"]).collect();
    assert_eq!(macs, [&red.show("port", &one).await["mac_address"], &red.show("port", &two).await["mac_address"]]);
    let carried = world.admin().show("port", &one).await;
    assert!(carried.get("trunk_details").is_none());
    assert_eq!((carried["device_owner"].as_str(), carried["status"].as_str()), (Some("trunk:subport"), Some("DOWN")));
    assert_eq!(carried["binding:profile"], json!({"parent_name": parent, "tag": 10}));
    assert_eq!(carried["binding:vif_type"], "ovs");
    let logical = |port: &str| desired(&world.store.snapshot(), world.net.settings(), &LogicalKey::Port(port.into()));
    let Some(Logical::Port(p)) = logical(&one) else { panic!() };
    assert_eq!(p.carrier, Some(LCarrier { port: parent.as_str().into(), vlan: 10 }));

    let remove = format!("PUT trunks/{trunk}/remove_subports");
    let now = red.expect(200, &remove, json!({"sub_ports": [{"port_id": one}]})).await;
    assert_eq!(now["sub_ports"], json!([sub(&two, 20)]));
    let Some(Logical::Port(p)) = logical(&one) else { panic!() };
    assert_eq!(p.carrier, None);
    assert_eq!(red.show("port", &one).await["device_owner"], "");
    assert_eq!(red.names("trunks?name=t").await, ["t"]);
    assert_eq!(red.list(&format!("trunks?port_id={parent}")).await.len(), 1);
    assert!(world.blue().list("trunks").await.is_empty());
    red.expect(200, &format!("PUT trunks/{trunk}/tags"), json!({"tags": ["x"]})).await;
    world.audit_store().await;
    red.delete("trunk", &trunk).await;
    for port in [&parent, &one, &two] {
        red.delete("port", port).await;
    }
    world.audit_store().await;
}

#[tokio::test]
async fn what_a_trunk_refuses() {
    let world = World::new().await;
    let (red, blue, admin) = (world.red(), world.blue(), world.admin());
    let (parent, one, two) = (port(&red, "p").await, port(&red, "a").await, port(&red, "b").await);
    let (other, theirs) = (port(&red, "o").await, port(&blue, "x").await);
    let trunk = id(&red.make("trunk", json!({"port_id": parent, "sub_ports": [sub(&one, 10)]})).await);
    let second = id(&red.make("trunk", json!({"port_id": other})).await);
    let nothing = "00000000-0000-0000-0000-000000000000";
    for (body, status, name) in [
        (json!({"port_id": nothing}), 404, "PortNotFound"),
        (json!({"port_id": theirs}), 404, "PortNotFound"),
        (json!({"port_id": parent}), 409, "ParentPortInUse"),
        (json!({"port_id": one}), 409, "TrunkPortInUse"),
        (json!({"port_id": two, "sub_ports": [sub(nothing, 2)]}), 404, "PortNotFound"),
        (json!({"port_id": two, "sub_ports": [{"port_id": nothing, "segmentation_id": 3}]}), 400, "HTTPBadRequest"),
        (
            json!({"port_id": two, "sub_ports": [{"port_id": nothing, "segmentation_type": "vlan"}]}),
            400,
            "HTTPBadRequest",
        ),
        (
            json!({"port_id": two, "sub_ports": [{"segmentation_type": "vlan", "segmentation_id": 2}]}),
            400,
            "HTTPBadRequest",
        ),
        (json!({"port_id": two, "sub_ports": [sub(&parent, 2), sub(&one, 2)]}), 400, "HTTPBadRequest"),
        (json!({"port_id": two, "sub_ports": sub(&one, 2)}), 400, "HTTPBadRequest"),
        (json!({}), 400, "HTTPBadRequest"),
    ] {
        red.refused(status, name, "POST trunks", json!({ "trunk": body })).await;
    }
    let add = format!("PUT trunks/{trunk}/add_subports");
    let flavoured = json!({"port_id": two, "segmentation_type": "vxlan", "segmentation_id": 5});
    for (subs, status, name) in [
        (json!([sub(&parent, 2)]), 409, "ParentPortInUse"),
        (json!([sub(&other, 2)]), 409, "ParentPortInUse"),
        (json!([sub(&one, 2)]), 409, "TrunkPortInUse"),
        (json!([sub(&two, 10)]), 409, "DuplicateSubPort"),
        (json!([sub(&two, 4095)]), 400, "InvalidInput"),
        (json!([sub(&two, 0)]), 400, "InvalidInput"),
        (json!([flavoured]), 400, "InvalidInput"),
        (json!([{"port_id": two}]), 400, "InvalidInput"),
        // The network of this one is an overlay: there is no VLAN to inherit.
        (json!([{"port_id": two, "segmentation_type": "inherit"}]), 400, "InvalidInput"),
        (json!(sub(&two, 5)), 400, "InvalidInput"),
        (Value::Null, 400, "InvalidInput"),
    ] {
        red.refused(status, name, &add, json!({ "sub_ports": subs })).await;
    }
    let remove = format!("PUT trunks/{trunk}/remove_subports");
    red.refused(404, "SubPortNotFound", &remove, json!({"sub_ports": [sub(&two, 10)]})).await;
    red.refused(409, "PortInUseAsTrunkParent", &format!("DELETE ports/{parent}"), None).await;
    red.refused(409, "PortInUseAsSubPort", &format!("DELETE ports/{one}"), None).await;
    world.client("red-reader").refused(403, "PolicyNotAuthorized", &add, json!({"sub_ports": []})).await;
    blue.refused(404, "TrunkNotFound", &add, json!({"sub_ports": []})).await;
    // What is down is not touched.
    red.set("trunk", &second, json!({"admin_state_up": false})).await;
    let down = format!("trunks/{second}");
    red.refused(409, "TrunkDisabled", &format!("PUT {down}/add_subports"), json!({"sub_ports": [sub(&two, 5)]})).await;
    red.refused(409, "TrunkDisabled", &format!("PUT {down}/remove_subports"), json!({"sub_ports": []})).await;
    red.refused(409, "TrunkDisabled", &format!("DELETE {down}"), None).await;
    // A subport's packets must fit.
    let network = red.show("port", &two).await["network_id"].as_str().unwrap().to_owned();
    let small = red.show("port", &parent).await["network_id"].as_str().unwrap().to_owned();
    red.set("network", &small, json!({"mtu": 1300})).await;
    red.refused(409, "SubPortMtuGreaterThanTrunkPortMtu", &add, json!({"sub_ports": [sub(&two, 5)]})).await;
    red.set("network", &network, json!({"mtu": 1300})).await;
    red.expect(200, &add, json!({"sub_ports": [sub(&two, 5)]})).await;
    // A port of a device is no subport.
    let used = port(&red, "u").await;
    red.set("network", red.show("port", &used).await["network_id"].as_str().unwrap(), json!({"mtu": 1300})).await;
    red.set("port", &used, json!({"device_id": "vm"})).await;
    red.refused(409, "PortInUse", &add, json!({"sub_ports": [sub(&used, 6)]})).await;
    admin.expect(200, &format!("PUT quotas/{}", crate::support::RED), json!({"quota": {"trunk": 2}})).await;
    red.refused(409, "OverQuota", "POST trunks", json!({"trunk": {"port_id": used}})).await;
    world.audit_store().await;
}

#[tokio::test]
async fn a_subport_may_inherit_the_vlan_of_its_network() {
    let world = World::new().await;
    let admin = world.admin();
    let vlan = json!({"provider:network_type": "vlan", "provider:physical_network": "external", "provider:segmentation_id": 77, "mtu": 1400});
    let outer = id(&admin.make("network", json!({})).await);
    let inner = id(&admin.make("network", vlan).await);
    let (parent, one) = (id(&admin.port(&outer).await), id(&admin.port(&inner).await));
    let inherit = json!([{"port_id": one, "segmentation_type": "inherit"}]);
    let trunk = admin.make("trunk", json!({"port_id": parent, "sub_ports": inherit})).await;
    assert_eq!(trunk["sub_ports"], json!([sub(&one, 77)]));
    world.audit_store().await;
}

/// Two trunks that ask for one port at once: one has it, the other hears so.
#[tokio::test]
async fn one_port_one_trunk() {
    let world = World::new().await;
    let red = world.red();
    let (a, b, shared) = (port(&red, "a").await, port(&red, "b").await, port(&red, "s").await);
    let make = |parent: &str| json!({"trunk": {"port_id": parent, "sub_ports": [sub(&shared, 7)]}});
    let (first, second) = tokio::join!(red.call("POST trunks", make(&a)), red.call("POST trunks", make(&b)));
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    world.audit_store().await;
}

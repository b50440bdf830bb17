use crate::support::{World, address, id};
use serde_json::{Value, json};

#[tokio::test]
async fn what_a_port_has_if_nothing_is_said() {
    let world = World::new().await;
    let red = world.red();
    let (network, subnet) = red.network("n", "10.0.0.0/24").await;
    let made = red.make("port", json!({"network_id": network, "name": "p"})).await;
    assert_eq!(made["fixed_ips"][0]["subnet_id"], json!(subnet));
    assert!(address(&made).starts_with("10.0.0."));
    assert!(made["mac_address"].as_str().unwrap().starts_with("fa:16:3e:"));
    let group = red.list("security-groups?name=default").await[0]["id"].clone();
    for (key, expect) in [
        ("status", json!("DOWN")),
        ("device_id", json!("")),
        ("device_owner", json!("")),
        ("security_groups", json!([group])),
        ("port_security_enabled", json!(true)),
        ("allowed_address_pairs", json!([])),
        ("extra_dhcp_opts", json!([])),
        ("binding:vnic_type", json!("normal")),
        ("dns_name", json!("")),
        ("ip_allocation", json!("immediate")),
        ("tags", json!([])),
        ("revision_number", json!(1)),
    ] {
        assert_eq!(made[key], expect, "{key}");
    }
    let dashed = address(&made).replace('.', "-");
    assert_eq!(made["dns_assignment"][0]["fqdn"], format!("host-{dashed}.openstacklocal."));
    assert!(made.get("binding:host_id").is_none(), "where it is bound is not the tenant's to know");
    let admin = world.admin().show("port", &id(&made)).await;
    assert_eq!((admin["binding:vif_type"].as_str(), admin["binding:host_id"].as_str()), (Some("unbound"), Some("")));
    world.audit_store().await;
}

#[tokio::test]
async fn addresses_asked_for() {
    let world = World::new().await;
    let red = world.red();
    let (network, subnet) = red.network("n", "10.0.0.0/24").await;
    let (other, foreign) = red.network("o", "10.5.0.0/24").await;
    let ask = |ips: Value| json!({"port": {"network_id": network, "fixed_ips": ips}});
    let made = red.expect(201, "POST ports", ask(json!([{"ip_address": "10.0.0.77"}]))).await;
    assert_eq!(made["port"]["fixed_ips"], json!([{"subnet_id": subnet, "ip_address": "10.0.0.77"}]));
    let two = red.expect(201, "POST ports", ask(json!([{"subnet_id": subnet}, {"subnet_id": subnet}]))).await;
    assert_eq!(two["port"]["fixed_ips"].as_array().unwrap().len(), 2);
    let none = red.expect(201, "POST ports", ask(json!([]))).await;
    assert_eq!((none["port"]["fixed_ips"].clone(), none["port"]["ip_allocation"].as_str()), (json!([]), Some("none")));
    for (ips, status, name) in [
        (json!([{"ip_address": "10.0.0.77"}]), 409, "IpAddressInUse"),
        (json!([{"ip_address": "10.9.0.1"}]), 400, "InvalidIpForNetwork"),
        (json!([{"ip_address": "10.0.0.255"}]), 400, "InvalidIpForNetwork"),
        (json!([{"subnet_id": subnet, "ip_address": "10.9.0.1"}]), 400, "InvalidIpForSubnet"),
        (json!([{"subnet_id": foreign}]), 400, "InvalidInput"),
        (json!([{"subnet_id": "00000000-0000-0000-0000-000000000000"}]), 404, "SubnetNotFound"),
        (json!([{}]), 400, "InvalidInput"),
        (json!([{"ip_address": "10.0.0.5"}, {"ip_address": "10.0.0.5"}]), 400, "HTTPBadRequest"),
        (json!([{"ip_address": "ten"}]), 400, "HTTPBadRequest"),
        (json!("10.0.0.5"), 400, "HTTPBadRequest"),
    ] {
        red.refused(status, name, "POST ports", ask(ips)).await;
    }
    let empty = id(&red.make("network", json!({})).await);
    let lost = json!({"port": {"network_id": empty, "fixed_ips": [{"ip_address": "10.0.0.5"}]}});
    red.refused(400, "InvalidInput", "POST ports", lost).await;
    assert_eq!(red.port(&empty).await["fixed_ips"], json!([]), "no subnet, no address, no error");
    let _ = other;
    world.audit_store().await;
}

#[tokio::test]
async fn a_full_subnet() {
    let world = World::new().await;
    let red = world.red();
    let network = id(&red.make("network", json!({})).await);
    let subnet = json!({"network_id": network, "ip_version": 4, "cidr": "10.0.0.0/29", "enable_dhcp": false});
    let subnet = id(&red.make("subnet", subnet).await);
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..5 {
        assert!(seen.insert(address(&red.port(&network).await)));
    }
    red.refused(409, "IpAddressGenerationFailure", "POST ports", json!({"port": {"network_id": network}})).await;
    red.set("subnet", &subnet, json!({"allocation_pools": []})).await;
    let port = id(&red.list(&format!("ports?network_id={network}")).await[0]);
    red.delete("port", &port).await;
    red.refused(409, "IpAddressGenerationFailure", "POST ports", json!({"port": {"network_id": network}})).await;
    red.set("subnet", &subnet, json!({"allocation_pools": [{"start": "10.0.0.2", "end": "10.0.0.6"}]})).await;
    red.port(&network).await;
    world.audit_store().await;
}

#[tokio::test]
async fn addresses_changed() {
    let world = World::new().await;
    let red = world.red();
    let (network, subnet) = red.network("n", "10.0.0.0/24").await;
    let port = id(&red.make("port", json!({"network_id": network, "fixed_ips": [{"ip_address": "10.0.0.50"}]})).await);
    let set = |ips: Value| json!({ "fixed_ips": ips });
    let more = red.set("port", &port, set(json!([{"ip_address": "10.0.0.51"}, {"subnet_id": subnet}]))).await;
    let addresses: Vec<_> =
        more["fixed_ips"].as_array().unwrap().iter().map(|i| i["ip_address"].as_str().unwrap()).collect();
    assert_eq!(addresses, ["10.0.0.50", "10.0.0.51"], "by subnet only: what it has there is kept");
    let less = red.set("port", &port, set(json!([{"ip_address": "10.0.0.51"}]))).await;
    assert_eq!(less["fixed_ips"].as_array().unwrap().len(), 1);
    red.make("port", json!({"network_id": network, "fixed_ips": [{"ip_address": "10.0.0.50"}]})).await;
    let taken = json!({"port": set(json!([{"ip_address": "10.0.0.50"}]))});
    red.refused(409, "IpAddressInUse", &format!("PUT ports/{port}"), taken).await;
    assert_eq!(address(&red.show("port", &port).await), "10.0.0.51");
    world.audit_store().await;
}

#[tokio::test]
async fn mac_addresses() {
    let world = World::new().await;
    let red = world.red();
    let (network, _) = red.network("n", "10.0.0.0/24").await;
    let ask = |mac: Value| json!({"port": {"network_id": network, "mac_address": mac}});
    let made = red.expect(201, "POST ports", ask(json!("FA-16-3E-00-00-01"))).await;
    assert_eq!(made["port"]["mac_address"], "fa:16:3e:00:00:01");
    let port = id(&made["port"]);
    red.refused(409, "MacAddressInUse", "POST ports", ask(json!("fa:16:3e:00:00:01"))).await;
    for wrong in ["00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "fa:16:3e:00:00", "zz:16:3e:00:00:01"] {
        red.refused(400, "HTTPBadRequest", "POST ports", ask(json!(wrong))).await;
    }
    red.refused(400, "HTTPBadRequest", "POST ports", ask(json!(7))).await;
    // Neutron takes addresses of groups.
    let group = red.expect(201, "POST ports", ask(json!("11:22:33:44:55:66"))).await;
    assert_eq!(group["port"]["mac_address"], "11:22:33:44:55:66");
    // The same address is free on another network.
    let (second, _) = red.network("m", "10.1.0.0/24").await;
    red.make("port", json!({"network_id": second, "mac_address": "fa:16:3e:00:00:01"})).await;
    // Changing one is the manager's right; null makes a new one.
    let change = json!({"mac_address": null});
    red.refused(403, "PolicyNotAuthorized", &format!("PUT ports/{port}"), json!({ "port": change })).await;
    let manager = world.client("red-manager");
    let now = manager.set("port", &port, change).await;
    assert_ne!(now["mac_address"], "fa:16:3e:00:00:01");
    red.expect(201, "POST ports", ask(json!("fa:16:3e:00:00:01"))).await;
    world.admin().set("port", &port, json!({"binding:host_id": "h1"})).await;
    manager.refused(409, "PortBound", &format!("PUT ports/{port}"), json!({"port": {"mac_address": null}})).await;
    world.audit_store().await;
}

#[tokio::test]
async fn filters_and_pairs() {
    let world = World::new().await;
    let red = world.red();
    let (network, _) = red.network("n", "10.0.0.0/24").await;
    let group = id(&red.make("security_group", json!({"name": "g"})).await);
    let port = red.make("port", json!({"network_id": network, "security_groups": [group]})).await;
    let (put, mac) = (format!("PUT ports/{}", id(&port)), port["mac_address"].clone());
    let pairs = json!({"port": {"allowed_address_pairs": [{"ip_address": "10.0.0.100"}, {"ip_address": "10.9.0.0/16", "mac_address": "fa:16:3e:00:00:09"}]}});
    let now = red.expect(200, &put, pairs).await;
    let expect = json!([{"ip_address": "10.0.0.100", "mac_address": mac}, {"ip_address": "10.9.0.0/16", "mac_address": "fa:16:3e:00:00:09"}]);
    assert_eq!(now["port"]["allowed_address_pairs"], expect);
    for (change, status, name) in [
        (json!({"port_security_enabled": false}), 409, "PortSecurityPortHasSecurityGroup"),
        (json!({"port_security_enabled": false, "security_groups": []}), 409, "AddressPairAndPortSecurityRequired"),
        (json!({"security_groups": ["00000000-0000-0000-0000-000000000000"]}), 404, "SecurityGroupNotFound"),
        (json!({"security_groups": ["x"]}), 400, "HTTPBadRequest"),
        (json!({"allowed_address_pairs": [{"mac_address": "fa:16:3e:00:00:09"}]}), 400, "AllowedAddressPairsMissingIP"),
        (
            json!({"allowed_address_pairs": [{"ip_address": "10.0.0.9"}, {"ip_address": "10.0.0.9"}]}),
            400,
            "DuplicateAddressPairInRequest",
        ),
        (
            json!({"allowed_address_pairs": (0..11).map(|n| json!({"ip_address": format!("10.0.0.{n}")})).collect::<Vec<_>>()}),
            400,
            "AllowedAddressPairExhausted",
        ),
    ] {
        red.refused(status, name, &put, json!({ "port": change })).await;
    }
    let open = json!({"port_security_enabled": false, "security_groups": [], "allowed_address_pairs": []});
    assert_eq!(red.set("port", &id(&port), open).await["port_security_enabled"], false);
    let foreign = id(&world.blue().make("security_group", json!({"name": "theirs"})).await);
    let steal = json!({"port": {"network_id": network, "security_groups": [foreign]}});
    red.refused(404, "SecurityGroupNotFound", "POST ports", steal).await;
    let naked = id(&red.make("network", json!({"port_security_enabled": false})).await);
    let port = red.port(&naked).await;
    assert_eq!((port["port_security_enabled"].as_bool(), port["security_groups"].clone()), (Some(false), json!([])));
    let with = json!({"port": {"network_id": naked, "security_groups": [group]}});
    red.refused(400, "PortSecurityAndIPRequiredForSecurityGroups", "POST ports", with).await;
}

#[tokio::test]
async fn options_names_and_tags() {
    let world = World::new().await;
    let red = world.red();
    let (network, _) = red.network("n", "10.0.0.0/24").await;
    let options = json!([{"opt_name": "tftp-server", "opt_value": "10.0.0.9"}, {"opt_name": "dns-server", "opt_value": "fd00::1", "ip_version": 6}]);
    let body = json!({"network_id": network, "extra_dhcp_opts": options, "dns_name": "Web", "tags": ["b", "a"]});
    let made = red.make("port", body).await;
    assert_eq!(
        made["extra_dhcp_opts"][0],
        json!({"opt_name": "tftp-server", "opt_value": "10.0.0.9", "ip_version": 4})
    );
    assert_eq!((made["dns_name"].as_str(), made["tags"].clone()), (Some("web"), json!(["a", "b"])));
    assert_eq!(made["dns_assignment"][0]["hostname"], "web");
    let change = json!({"extra_dhcp_opts": [{"opt_name": "tftp-server", "opt_value": null}, {"opt_name": "mtu", "opt_value": "1400"}]});
    let names: Vec<_> = red.set("port", &id(&made), change).await["extra_dhcp_opts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|o| o["opt_name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["dns-server", "mtu"]);
    for wrong in [
        json!({"extra_dhcp_opts": [{"opt_name": "x"}]}),
        json!({"dns_name": "-bad-"}),
        json!({"binding:vnic_type": "tin-can"}),
    ] {
        red.refused(400, "HTTPBadRequest", &format!("PUT ports/{}", id(&made)), json!({ "port": wrong })).await;
    }
}

#[tokio::test]
async fn who_may_set_what() {
    let world = World::new().await;
    let (red, admin, service) = (world.red(), world.admin(), world.client("service"));
    let (network, _) = red.network("n", "10.0.0.0/24").await;
    for change in [json!({"binding:host_id": "h1"}), json!({"binding:profile": {"a": 1}})] {
        let mut body = json!({ "network_id": network });
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        red.refused(403, "PolicyNotAuthorized", "POST ports", json!({ "port": body })).await;
    }
    let port = id(&red.port(&network).await);
    let bound = service.set("port", &port, json!({"binding:host_id": "h1", "binding:profile": {"x": 1}})).await;
    assert_eq!(bound["binding:vif_type"], "ovs");
    assert_eq!(
        (bound["binding:vif_details"]["port_filter"].as_bool(), bound["binding:profile"].clone()),
        (Some(true), json!({"x": 1}))
    );
    // A guest's port is compute's to delete.
    admin.set("port", &port, json!({"device_owner": "compute:nova", "device_id": "s"})).await;
    red.refused(403, "PolicyNotAuthorized", &format!("DELETE ports/{port}"), None).await;
    service.delete("port", &port).await;
    // Nobody may pass a port off as another project's router's.
    let router = id(&world.blue().make("router", json!({})).await);
    let owner =
        json!({"port": {"network_id": network, "device_owner": "network:router_interface", "device_id": router}});
    red.refused(409, "DeviceIDNotOwnedByTenant", "POST ports", owner).await;
    world.audit_store().await;
}

#[tokio::test]
async fn several_ports_at_once() {
    let world = World::new().await;
    let red = world.red();
    let (network, _) = red.network("n", "10.0.0.0/24").await;
    let body = json!({"ports": [{"network_id": network, "tags": ["one"]}, {"network_id": network}]});
    let made = red.expect(201, "POST ports", body).await;
    assert_eq!(made["ports"][0]["tags"], json!(["one"]));
    assert_ne!(address(&made["ports"][0]), address(&made["ports"][1]));
    let clash = json!({"ports": [{"network_id": network}, {"network_id": network, "fixed_ips": [{"ip_address": address(&made["ports"][0])}]}]});
    let before = red.list("ports").await.len();
    red.expect(409, "POST ports", clash).await;
    assert_eq!(red.list("ports").await.len(), before);
    world.audit_store().await;
}

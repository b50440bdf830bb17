use crate::support::{RED, World, id};
use serde_json::{Value, json};

#[tokio::test]
async fn of_a_network() {
    let world = World::new().await;
    let (red, admin) = (world.red(), world.admin());
    let (network, subnet) = red.network("n", "10.0.0.0/24").await;
    let first = admin.list(&format!("segments?network_id={network}")).await.remove(0);
    assert_eq!((first["network_type"].as_str(), first["revision_number"].as_i64()), (Some("geneve"), Some(1)));
    assert!(red.list("segments").await.is_empty());
    red.refused(
        403,
        "PolicyNotAuthorized",
        "POST segments",
        json!({"segment": {"network_id": network, "network_type": "vlan"}}),
    )
    .await;
    let vlan = json!({"network_id": network, "network_type": "vlan", "physical_network": "external", "segmentation_id": 42, "name": "rack"});
    let second = admin.make("segment", vlan.clone()).await;
    admin.refused(409, "VlanIdInUse", "POST segments", json!({"segment": vlan})).await;
    let seen = admin.show("network", &network).await;
    assert!(seen.get("provider:network_type").is_none(), "{seen}");
    assert_eq!(
        seen["segments"][1],
        json!({"provider:network_type": "vlan", "provider:physical_network": "external", "provider:segmentation_id": 42})
    );
    assert!(red.show("network", &network).await.get("segments").is_none(), "administrators see it");
    assert_eq!(admin.set("segment", &id(&second), json!({"name": "row"})).await["name"], "row");
    let shown = admin.show("segment", &id(&second)).await;
    assert_eq!((shown["name"].as_str(), shown["revision_number"].as_i64()), (Some("row"), Some(2)));
    // Subnets of several segments: all of them are on one, or none is.
    let put = format!("PUT subnets/{subnet}");
    let move_there = json!({"subnet": {"segment_id": id(&second)}});
    red.refused(400, "NoUpdateSubnetWhenMultipleSegmentsOnNetwork", &put, move_there).await;
    let more =
        json!({"subnet": {"network_id": network, "ip_version": 4, "cidr": "10.1.0.0/24", "segment_id": id(&second)}});
    red.refused(400, "SubnetsNotAllAssociatedWithSegments", "POST subnets", more.clone()).await;
    red.delete("subnet", &subnet).await;
    let other = red.make("network", json!({})).await;
    let mut elsewhere = more.clone();
    elsewhere["subnet"]["network_id"] = other["id"].clone();
    red.refused(400, "NetworkIdsDontMatch", "POST subnets", elsewhere).await;
    let on = id(&red.expect(201, "POST subnets", more).await["subnet"]);
    let delete = format!("DELETE segments/{}", id(&second));
    admin.refused(409, "SegmentInUse", &delete, None).await;
    red.delete("subnet", &on).await;
    admin.expect(204, &delete, None).await;
    admin.refused(409, "SegmentInUse", &format!("DELETE segments/{}", id(&first)), None).await;
    admin.refused(404, "SegmentNotFound", &format!("GET segments/{}", id(&second)), None).await;
    world.audit_store().await;
}

#[tokio::test]
async fn several_at_once() {
    let world = World::new().await;
    let admin = world.admin();
    let vlan = |tag: u32| json!({"provider:network_type": "vlan", "provider:physical_network": "external", "provider:segmentation_id": tag});
    let made = admin.make("network", json!({"segments": [vlan(7), vlan(8)]})).await;
    assert_eq!(made["segments"], json!([vlan(7), vlan(8)]));
    let both = json!({"network": {"segments": [vlan(9)], "provider:network_type": "geneve"}});
    admin.refused(400, "HTTPBadRequest", "POST networks", both).await;
    admin.refused(409, "VlanIdInUse", "POST networks", json!({"network": {"segments": [vlan(9), vlan(8)]}})).await;
    // All or none: 9 was not taken.
    let one = admin.make("network", json!({"segments": [vlan(9)]})).await;
    assert_eq!(one["provider:segmentation_id"], 9, "one shows by itself");
    let red = json!({"network": {"segments": [vlan(10)]}});
    world.red().refused(403, "PolicyNotAuthorized", "POST networks", red).await;
}

#[tokio::test]
async fn ranges() {
    let world = World::new().await;
    let (red, blue, admin) = (world.red(), world.blue(), world.admin());
    let configured = admin.list("network-segment-ranges?network_type=vlan").await.remove(0);
    assert_eq!(
        (configured["default"].as_bool(), configured["minimum"].as_u64(), configured["physical_network"].as_str()),
        (Some(true), Some(2), Some("external"))
    );
    let own = format!("network-segment-ranges/{}", id(&configured));
    let delete = format!("DELETE {own}");
    admin.refused(400, "NetworkSegmentRangeDefaultReadOnly", &delete, None).await;
    assert_eq!(admin.expect(200, &format!("GET {own}"), None).await["network_segment_range"]["default"], true);
    assert!(red.list("network-segment-ranges").await.is_empty());
    let range = |minimum: u32, maximum: u32| json!({"name": "reds", "shared": false, "project_id": RED, "network_type": "vxlan", "minimum": minimum, "maximum": maximum});
    let made = admin.make("network_segment_range", range(1100, 1101)).await;
    assert_eq!((made["available"].clone(), made["used"].clone()), (json!([1100, 1101]), json!({})));
    for (body, status, name) in [
        (range(1101, 1200), 409, "NetworkSegmentRangeOverlaps"),
        (range(5, 4), 400, "InvalidInput"),
        (range(5, 1 << 24), 400, "InvalidInput"),
    ] {
        admin.refused(status, name, "POST network-segment-ranges", json!({"network_segment_range": body})).await;
    }
    // Its project's networks come from there first, nobody else's do.
    let mut numbers = Vec::new();
    for _ in 0..2 {
        let network = id(&red.make("network", json!({})).await);
        numbers.push(admin.show("network", &network).await);
    }
    let number = |n: &Value| n["provider:segmentation_id"].as_u64().unwrap();
    let mut taken: Vec<_> = numbers.iter().map(number).collect();
    taken.sort_unstable();
    assert_eq!(taken, [1100, 1101]);
    assert_eq!(numbers[0]["provider:network_type"], "vxlan");
    let foreign = id(&blue.make("network", json!({})).await);
    assert!(!(1100..=1101).contains(&number(&admin.show("network", &foreign).await)));
    let range = id(&made);
    let used = admin.show("network_segment_range", &range).await["used"].take();
    assert_eq!(used, json!({"1100": RED, "1101": RED}));
    let put = format!("PUT network-segment-ranges/{range}");
    let less = json!({"network_segment_range": {"minimum": 1101}});
    admin.refused(409, "NetworkSegmentRangeReferencedByProject", &put, less).await;
    assert_eq!(admin.set("network_segment_range", &range, json!({"maximum": 1200})).await["maximum"], 1200);
    let delete = format!("DELETE network-segment-ranges/{range}");
    admin.refused(409, "NetworkSegmentRangeReferencedByProject", &delete, None).await;
    for network in numbers {
        red.delete("network", &id(&network)).await;
    }
    admin.expect(204, &delete, None).await;
    world.audit_store().await;
}

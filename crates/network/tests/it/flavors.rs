use crate::support::{World, id};
use serde_json::json;

#[tokio::test]
async fn routers_of_a_flavor() {
    let world = World::new().await;
    let (red, admin) = (world.red(), world.admin());
    let profile = json!({"service_profile": {"driver": "no.such.Driver"}});
    admin.refused(404, "ServiceProfileDriverNotFound", "POST service_profiles", profile).await;
    admin.refused(400, "ServiceProfileEmpty", "POST service_profiles", json!({"service_profile": {}})).await;
    red.refused(403, "PolicyNotAuthorized", "POST service_profiles", json!({"service_profile": {}})).await;
    let driver = "neutron.services.l3_router.service_providers.dvr.DvrDriver";
    let profile = id(&admin.make("service_profile", json!({"driver": driver})).await);
    let flavor = admin.make("flavor", json!({"name": "fast", "service_type": "L3_ROUTER_NAT"})).await;
    assert_eq!((flavor["enabled"].as_bool(), flavor["service_profiles"].clone()), (Some(true), json!([])));
    let flavor = id(&flavor);
    assert_eq!(red.names(&format!("flavors?id={flavor}")).await, ["fast"], "everybody may choose");
    assert!(red.list("service_profiles").await.is_empty(), "and nobody else may see how");
    let router = json!({"router": {"flavor_id": flavor}});
    red.refused(404, "FlavorServiceProfileBindingNotFound", "POST routers", router.clone()).await;
    let bind = format!("POST flavors/{flavor}/service_profiles");
    let body = json!({"service_profile": {"id": profile}});
    let bound = admin.expect(201, &bind, body.clone()).await;
    assert_eq!(bound["service_profile"]["service_profiles"], json!([profile]));
    admin.refused(409, "FlavorServiceProfileBindingExists", &bind, body).await;
    admin.refused(409, "ServiceProfileInUse", &format!("DELETE service_profiles/{profile}"), None).await;
    let made = red.expect(201, "POST routers", router).await["router"].take();
    assert_eq!(made["flavor_id"], *flavor);
    let both = json!({"router": {"flavor_id": flavor, "distributed": true}});
    admin.refused(400, "BadRequest", "POST routers", both).await;
    admin.refused(409, "FlavorInUse", &format!("DELETE flavors/{flavor}"), None).await;
    red.delete("router", &id(&made)).await;
    admin.set("flavor", &flavor, json!({"enabled": false})).await;
    red.refused(503, "FlavorDisabled", "POST routers", json!({"router": {"flavor_id": flavor}})).await;
    admin.expect(204, &format!("DELETE flavors/{flavor}/service_profiles/{profile}"), None).await;
    admin.set("service_profile", &profile, json!({"enabled": false})).await;
    admin.delete("service_profile", &profile).await;
    admin.delete("flavor", &flavor).await;
}

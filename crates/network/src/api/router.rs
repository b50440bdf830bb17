//! `/v2.0/routers`

use super::{
    body,
    crud::{actions, create, delete, update, verbs, whole},
    kind::Kind,
    resource::{Fields, Look, list, show},
    spec::{ADMIN_STATE, Attr, Default, ID, NAME, STANDARD, Spec, TAGS},
    tags, zones,
};
use crate::{
    Network as Service,
    error::NetError,
    model::{
        Port, Resource, Router,
        router::{ConntrackHelper, Gateway},
        subnet::Route,
    },
    ops::router::{
        self, InterfaceAsked, InterfaceView,
        create::NewRouter,
        external_gateways::{self, GatewaysAsked},
        gateway::GatewayAsked,
        update::RouterChanges,
    },
};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Path, State};
use serde_json::{Value, json};

static SPEC: Spec = Spec {
    resource: "router",
    collection: "routers",
    path: "/v2.0/routers",
    attrs: &[
        &[
            ID,
            NAME,
            ADMIN_STATE,
            Attr::shown("status").sorted(),
            Attr::new("external_gateway_info", Kind::Gateway, Default::Null).mutable(),
            Attr::shown("external_gateways"),
            Attr::new("enable_default_route_ecmp", Kind::BoolOrNull, Default::Unset).mutable(),
            Attr::new("enable_default_route_bfd", Kind::BoolOrNull, Default::Unset).mutable(),
            Attr::later("routes", Kind::Routes),
            Attr::shown("availability_zones"),
            Attr::new("availability_zone_hints", Kind::TextList, Default::EmptyList),
            Attr::new("distributed", Kind::Bool, Default::Unset).mutable().filtered(),
            Attr::new("ha", Kind::Bool, Default::Unset).mutable().filtered(),
            Attr::new("flavor_id", Kind::Uuid, Default::Unset).filtered(),
            Attr::new("enable_ndp_proxy", Kind::Bool, Default::Unset).mutable(),
            Attr::shown("conntrack_helpers"),
        ],
        STANDARD,
        TAGS,
    ],
};

impl Fields for Router {
    fn spec() -> &'static Spec {
        &SPEC
    }

    fn own(&self, name: &str, look: &Look<'_>) -> Value {
        match name {
            "name" => self.name.as_str().into(),
            "admin_state_up" => self.admin_up.into(),
            "status" => "ACTIVE".into(),
            "external_gateway_info" => self.gateway.as_ref().map_or(Value::Null, |g| gateway(g, look)),
            "external_gateways" => self.gateways().map(|g| gateway(g, look)).collect(),
            "enable_default_route_ecmp" => self.ecmp.into(),
            "enable_default_route_bfd" => self.bfd.into(),
            "routes" => json!(self.routes),
            "availability_zones" => json!(zones::of(look)),
            "availability_zone_hints" => json!(self.zone_hints),
            "distributed" => self.distributed.into(),
            "ha" => self.ha.into(),
            "flavor_id" => self.flavor.as_deref().into(),
            // Means something with a gateway only.
            "enable_ndp_proxy" => (self.gateway.is_some() && self.ndp_proxy).into(),
            "conntrack_helpers" => {
                let shown = |h: &ConntrackHelper| json!({"protocol": h.protocol, "port": h.port, "helper": h.helper});
                self.conntrack_helpers.iter().map(shown).collect()
            }
            _ => Value::Null,
        }
    }
}

fn gateway(gateway: &Gateway, look: &Look<'_>) -> Value {
    let port = look.snapshot.get::<Port>(&gateway.port);
    let ips = port.iter().flat_map(|p| p.fixed_ips.iter());
    let ips: Vec<_> = ips.map(|ip| json!({"subnet_id": ip.subnet, "ip_address": ip.address})).collect();
    json!({"network_id": gateway.network, "enable_snat": gateway.snat, "external_fixed_ips": ips,
        "qos_policy_id": gateway.qos})
}

verbs!(Router, NewRouter, RouterChanges, router);

pub fn routes() -> ApiRouter<Service> {
    ApiRouter::new()
        .get("/v2.0/routers", list::<Router>)
        .post("/v2.0/routers", create::<Router>)
        .get("/v2.0/routers/{id}", show::<Router>)
        .put("/v2.0/routers/{id}", update::<Router>)
        .delete("/v2.0/routers/{id}", delete::<Router>)
        .put("/v2.0/routers/{id}/add_router_interface", add_interface)
        .put("/v2.0/routers/{id}/remove_router_interface", remove_interface)
        .put("/v2.0/routers/{id}/add_external_gateways", add_gateways)
        .put("/v2.0/routers/{id}/remove_external_gateways", remove_gateways)
        .put("/v2.0/routers/{id}/update_external_gateways", update_gateways)
        .put("/v2.0/routers/{id}/add_extraroutes", add_extraroutes)
        .put("/v2.0/routers/{id}/remove_extraroutes", remove_extraroutes)
        .merge(tags::routes::<Router>("/v2.0/routers/{id}/tags", "/v2.0/routers/{id}/tags/{tag}"))
}

/// The body of both interface actions; ids must look like ids.
fn interface(body: &Value) -> kernel::Result<InterfaceAsked> {
    let id = |name: &str| match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match Kind::Uuid.read(name, value) {
            Ok(id) => Ok(id.as_str().map(str::to_owned)),
            Err(e) => Err(NetError::router(e.to_string())),
        },
    };
    Ok(InterfaceAsked { subnet_id: id("subnet_id")?, port_id: id("port_id")? })
}

fn interface_view(done: &InterfaceView) -> Value {
    json!({
        "id": done.router.id,
        "project_id": done.port.project(),
        "tenant_id": done.port.project(),
        "port_id": done.port.id,
        "network_id": done.port.network,
        "subnet_id": done.subnets.last(),
        "subnet_ids": done.subnets,
    })
}

async fn add_interface(
    State(net): State<Service>,
    Cx(cx): Cx,
    Path(id): Path<String>,
    JsonBody(body): JsonBody,
) -> ApiResult {
    let done = router::add_interface::add(&net, &cx, &id, &interface(&body)?).await?;
    Ok(http::ok(&interface_view(&done)))
}

async fn remove_interface(
    State(net): State<Service>,
    Cx(cx): Cx,
    Path(id): Path<String>,
    JsonBody(body): JsonBody,
) -> ApiResult {
    let done = router::remove_interface::remove(&net, &cx, &id, &interface(&body)?).await?;
    Ok(http::ok(&interface_view(&done)))
}

/// The gateways in the body of the three gateway actions: `{"router": {"external_gateways": [{"network_id": …}]}}`. For none of
/// them `openstack router unset --external-gateway` says `{}`.
fn asked_gateways(body: &Value) -> kernel::Result<GatewaysAsked> {
    const NAME: &str = "external_gateways";
    let wrong = || NetError::request(format!("Invalid input for {NAME}. Reason: a list of gateways is needed."));
    let given = match body.get("router").and_then(|r| r.get(NAME)) {
        Some(Value::Array(list)) => list.as_slice(),
        Some(Value::Object(none)) if none.is_empty() => &[],
        _ => return Err(wrong().into()),
    };
    let read: Value = given.iter().map(|one| Kind::Gateway.read(NAME, one)).collect::<Result<_, _>>()?;
    let gateways: Vec<GatewayAsked> = serde_json::from_value(read.clone()).map_err(|_| wrong())?;
    Ok(GatewaysAsked { set: body::noted(NAME, &read), gateways })
}

actions!(
    asked_gateways, whole;
    add_gateways: external_gateways::add,
    remove_gateways: external_gateways::remove,
    update_gateways: external_gateways::update,
);

/// The routes in the body of both route actions: `{"router": {"routes": […]}}`. One that comes twice counts once.
fn extra_routes(body: &Value) -> kernel::Result<Vec<Route>> {
    let wrong = |reason: &str| NetError::request(format!("Invalid input for routes. Reason: {reason}."));
    let given = body.get("router").and_then(Value::as_object).filter(|r| r.keys().all(|k| k == "routes"));
    let given = given.and_then(|r| r.get("routes")?.as_array()).ok_or_else(|| wrong("'routes' is not a list"))?;
    let mut routes: Vec<Route> = Vec::new();
    for item in given {
        let read = Kind::Routes.read("routes", &json!([item]))?;
        let read: Vec<Route> = serde_json::from_value(read).map_err(|e| wrong(&e.to_string()))?;
        routes.extend(read.into_iter().filter(|route| !routes.contains(route)).collect::<Vec<_>>());
    }
    Ok(routes)
}

actions!(
    extra_routes, whole;
    add_extraroutes: router::extra_routes::add,
    remove_extraroutes: router::extra_routes::remove,
);

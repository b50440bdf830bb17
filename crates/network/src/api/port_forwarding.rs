//! `/v2.0/floatingips/{floatingip}/port_forwardings`

use super::{
    body,
    kind::Kind,
    resource::{Look, View, list_in, made, one, show_in},
    spec::{Attr, Default, ID, Spec},
};
use crate::{
    Network as Service,
    error::NetError,
    model::{FloatingIp, PortForwarding, Resource},
    ops::{
        access::Seen,
        port_forwarding::{self, create::NewPortForwarding, update::PortForwardingChanges},
    },
    policy::port_forwarding as rules,
};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Path, State};
use policy::Authorize;
use serde_json::{Value, json};
use std::sync::Arc;

static SPEC: Spec = Spec {
    resource: "port_forwarding",
    collection: "port_forwardings",
    path: "/v2.0/floatingips",
    attrs: &[&[
        ID,
        Attr::new("description", Kind::TextOrNull(255), Default::Text("")).mutable().filtered(),
        Attr::new("protocol", Kind::OneOf(&["tcp", "udp", "sctp"]), Default::Required).mutable().sorted(),
        Attr::new("external_port", Kind::TransportPort, Default::Null).mutable().sorted(),
        Attr::new("external_port_range", Kind::PortRange, Default::Null).mutable().sorted(),
        Attr::new("internal_port_id", Kind::Uuid, Default::Required).mutable().sorted(),
        Attr::new("internal_ip_address", Kind::IpOrNull, Default::Null).mutable(),
        Attr::new("internal_port", Kind::TransportPort, Default::Null).mutable(),
        Attr::new("internal_port_range", Kind::PortRange, Default::Null).mutable(),
    ]],
};

impl View for PortForwarding {
    fn spec() -> &'static Spec {
        &SPEC
    }
    fn key(&self) -> &str {
        &self.id
    }
    fn find(look: &Look<'_>, id: &str) -> Option<Arc<Self>> {
        port_forwarding::of(look.snapshot, look.parent?, id).ok()
    }
    fn not_found(id: &str) -> NetError {
        <Self as Resource>::not_found(id)
    }
    fn candidates(look: &Look<'_>) -> Vec<Arc<Self>> {
        let fip = look.parent.and_then(|id| look.snapshot.get::<FloatingIp>(id));
        let ids = fip.iter().flat_map(|f| &f.forwards).flat_map(|f| &f.ids);
        ids.filter_map(|id| look.snapshot.get(id)).collect()
    }
    fn is_seen(&self, look: &Look<'_>) -> bool {
        let fip = look.snapshot.get::<FloatingIp>(&self.fip);
        fip.is_some_and(|fip| {
            let on = port_forwarding::on(look.snapshot, look.reach, &fip);
            Seen::is_seen(&*fip, look.cx, look.snapshot, look.reach) && look.cx.allows(&rules::GET, &on)
        })
    }
    fn field(&self, name: &str, _: &Look<'_>) -> Value {
        match name {
            "description" => self.standard.description.as_str().into(),
            "external_port_range" => self.external.to_string().into(),
            "internal_port_range" => self.internal.to_string().into(),
            other => in_floatingip(self)[other].take(),
        }
    }
}

/// As a floating IP shows its forwardings: without ranges.
pub(super) fn in_floatingip(pf: &PortForwarding) -> Value {
    json!({
        "id": pf.id,
        "protocol": pf.protocol.as_str(),
        "external_port": pf.external.single(),
        "internal_port_id": pf.port,
        "internal_ip_address": pf.address,
        "internal_port": pf.internal.single(),
    })
}

pub fn routes() -> ApiRouter<Service> {
    const ALL: &str = "/v2.0/floatingips/{floatingip}/port_forwardings";
    const SINGLE: &str = "/v2.0/floatingips/{floatingip}/port_forwardings/{id}";
    ApiRouter::new()
        .get(ALL, list_in::<FloatingIp, PortForwarding>)
        .post(ALL, create)
        .get(SINGLE, show_in::<FloatingIp, PortForwarding>)
        .put(SINGLE, update)
        .delete(SINGLE, delete)
}

async fn create(
    State(net): State<Service>,
    Cx(cx): Cx,
    Path(fip): Path<String>,
    JsonBody(body): JsonBody,
) -> ApiResult {
    let created = body::create::<NewPortForwarding>(&SPEC, &cx, body)?;
    let made_now = port_forwarding::create::create(&net, &cx, &fip, created.asked).await?;
    Ok(made(&net, &cx, &made_now, created.bulk))
}

async fn update(
    State(net): State<Service>,
    Cx(cx): Cx,
    Path((fip, id)): Path<(String, String)>,
    JsonBody(body): JsonBody,
) -> ApiResult {
    let (_, changes) = body::update::<PortForwardingChanges>(&SPEC, &cx, body)?;
    let pf = port_forwarding::update::update(&net, &cx, &fip, &id, changes).await?;
    Ok(http::ok(&one(&net, &cx, pf.as_ref(), &[])))
}

async fn delete(State(net): State<Service>, Cx(cx): Cx, Path((fip, id)): Path<(String, String)>) -> ApiResult {
    port_forwarding::delete::delete(&net, &cx, &fip, &id).await?;
    Ok(http::no_content())
}

//! `/v2.0/ports/{port}/bindings`: a binding is known by its host.

use super::{
    body,
    kind::Kind,
    port::VNIC_TYPES,
    resource::{Look, View, list_in, show_in},
    spec::{Attr, Default, PROJECT, Spec},
};
use crate::{
    Network as Service,
    error::NetError,
    model::{Port, Resource},
    ops::{
        access::Seen,
        port_binding::{self, BindingAsked, Bound},
    },
    policy::port_binding as rules,
};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Path, State};
use kernel::HostName;
use policy::Authorize;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

static SPEC: Spec = Spec {
    resource: "binding",
    collection: "bindings",
    path: "/v2.0/ports",
    attrs: &[&[
        Attr::new("host", Kind::NotEmptyName(255), Default::Required).filtered(),
        Attr::shown("status").filtered(),
        Attr::shown("vif_type").filtered(),
        Attr::shown("vif_details"),
        Attr::new("vnic_type", Kind::OneOf(VNIC_TYPES), Default::Unset).mutable().filtered(),
        Attr::new("profile", Kind::DictOrNull, Default::Unset).mutable(),
        PROJECT,
    ]],
};

#[derive(Deserialize)]
struct New {
    host: HostName,
    #[serde(flatten)]
    asked: BindingAsked,
}

/// A binding with its port.
struct Binding {
    port: Arc<Port>,
    bound: Bound,
}

impl View for Binding {
    fn spec() -> &'static Spec {
        &SPEC
    }
    fn key(&self) -> &str {
        &self.bound.host
    }
    fn find(look: &Look<'_>, id: &str) -> Option<Arc<Self>> {
        Self::candidates(look).into_iter().find(|b| *b.bound.host == *id)
    }
    fn not_found(host: &str) -> NetError {
        NetError::PortBindingNotFound { port: String::new(), host: host.to_owned() }
    }
    fn candidates(look: &Look<'_>) -> Vec<Arc<Self>> {
        let Some(port) = look.parent.and_then(|id| look.snapshot.get::<Port>(id)) else { return Vec::new() };
        port_binding::all(&port).into_iter().map(|bound| Arc::new(Self { port: Arc::clone(&port), bound })).collect()
    }
    fn is_seen(&self, look: &Look<'_>) -> bool {
        look.cx.allows(&rules::GET, &self.port.on(look.snapshot, look.reach))
    }
    fn field(&self, name: &str, look: &Look<'_>) -> Value {
        let bound = &self.bound;
        match name {
            "host" => bound.host.as_str().into(),
            "status" => if bound.active { "ACTIVE" } else { "INACTIVE" }.into(),
            "vif_type" => if bound.usable { "ovs" } else { "unbound" }.into(),
            "vif_details" if bound.usable => super::port::vif_details(look),
            "vif_details" => json!({}),
            "vnic_type" => bound.vnic_type.as_str().into(),
            "profile" => bound.profile.clone().into(),
            "project_id" => self.port.project().as_str().into(),
            _ => Value::Null,
        }
    }
}

pub fn routes() -> ApiRouter<Service> {
    const ALL: &str = "/v2.0/ports/{port}/bindings";
    const SINGLE: &str = "/v2.0/ports/{port}/bindings/{host}";
    ApiRouter::new()
        .get(ALL, list_in::<Port, Binding>)
        .post(ALL, create)
        .get(SINGLE, show_in::<Port, Binding>)
        .put(SINGLE, update)
        .delete(SINGLE, delete)
        .put("/v2.0/ports/{port}/bindings/{host}/activate", activate)
}

fn shown(net: &Service, cx: &kernel::Ctx, port: &str, bound: Bound) -> kernel::Result<Value> {
    let port = net.store().snapshot().get::<Port>(port).ok_or_else(|| <Port as Resource>::not_found(port))?;
    Ok(super::resource::one(net, cx, &Binding { port, bound }, &[]))
}

async fn create(
    State(net): State<Service>,
    Cx(cx): Cx,
    Path(port): Path<String>,
    JsonBody(body): JsonBody,
) -> ApiResult {
    let mut asked = body::create::<New>(&SPEC, &cx, body)?.asked;
    let Some(New { host, asked }) = asked.pop().map(|a| a.body) else {
        return Err(kernel::Error::from(NetError::request("Resource body required")).into());
    };
    let bound = port_binding::create::create(&net, &cx, &port, host, asked).await?;
    Ok(http::created(&shown(&net, &cx, &port, bound)?))
}

type OfPort = Path<(String, String)>;

async fn update(
    State(net): State<Service>,
    Cx(cx): Cx,
    Path((port, host)): OfPort,
    JsonBody(body): JsonBody,
) -> ApiResult {
    let (_, asked) = body::update::<BindingAsked>(&SPEC, &cx, body)?;
    let bound = port_binding::update::update(&net, &cx, &port, &host, asked).await?;
    Ok(http::ok(&shown(&net, &cx, &port, bound)?))
}

async fn activate(State(net): State<Service>, Cx(cx): Cx, Path((port, host)): OfPort) -> ApiResult {
    let bound = port_binding::activate::activate(&net, &cx, &port, &host).await?;
    Ok(http::ok(&shown(&net, &cx, &port, bound)?["binding"].take()))
}

async fn delete(State(net): State<Service>, Cx(cx): Cx, Path((port, host)): OfPort) -> ApiResult {
    port_binding::delete::delete(&net, &cx, &port, &host).await?;
    Ok(http::no_content())
}

//! `/v2.0/routers/{id}/conntrack_helpers`

use super::{
    body,
    kind::Kind,
    listing,
    query::Query,
    spec::{Attr, Default, ID, PROJECT, Spec},
};
use crate::{
    Network as Service,
    model::router::ConntrackHelper,
    ops::conntrack_helper::{self, ConntrackHelperChanges, NewConntrackHelper},
};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Params, Path, State};
use serde_json::{Value, json};

const PROTOCOLS: &[&str] =
    &["tcp", "udp", "dccp", "sctp", "udplite", "icmp", "ipv6-icmp", "icmpv6", "igmp", "gre", "ah", "esp"];

static SPEC: Spec = Spec {
    resource: "conntrack_helper",
    collection: "conntrack_helpers",
    path: "/v2.0/routers/{id}/conntrack_helpers",
    attrs: &[&[
        ID,
        PROJECT,
        Attr::new("protocol", Kind::OneOf(PROTOCOLS), Default::Required).mutable().sorted(),
        Attr::new("port", Kind::PortNumber, Default::Required).mutable().sorted(),
        Attr::new("helper", Kind::Text(64), Default::Required).mutable().sorted(),
    ]],
};

fn shown(helper: &ConntrackHelper) -> Value {
    json!({"id": helper.id, "protocol": helper.protocol, "port": helper.port, "helper": helper.helper})
}

fn one(helper: &ConntrackHelper) -> Value {
    json!({"conntrack_helper": shown(helper)})
}

pub fn routes() -> ApiRouter<Service> {
    ApiRouter::new()
        .get("/v2.0/routers/{id}/conntrack_helpers", list)
        .post("/v2.0/routers/{id}/conntrack_helpers", create)
        .get("/v2.0/routers/{id}/conntrack_helpers/{helper_id}", show)
        .put("/v2.0/routers/{id}/conntrack_helpers/{helper_id}", update)
        .delete("/v2.0/routers/{id}/conntrack_helpers/{helper_id}", delete)
}

async fn list(State(net): State<Service>, Cx(cx): Cx, Path(router): Path<String>, params: Params) -> ApiResult {
    let query = Query::parse(&SPEC, &params)?;
    let helpers = conntrack_helper::list(&net, &cx, &router)?;
    Ok(http::ok(&json!({"conntrack_helpers": listing::plain(&query, helpers.iter().map(shown).collect())})))
}

async fn create(
    State(net): State<Service>,
    Cx(cx): Cx,
    Path(router): Path<String>,
    JsonBody(body): JsonBody,
) -> ApiResult {
    let new = body::single::<NewConntrackHelper>(&SPEC, &cx, body)?;
    Ok(http::created(&one(&conntrack_helper::create(&net, &cx, &router, new).await?)))
}

type Both = Path<(String, String)>;

async fn show(State(net): State<Service>, Cx(cx): Cx, Path((router, id)): Both) -> ApiResult {
    Ok(http::ok(&one(&conntrack_helper::find(&net, &cx, &router, &id)?)))
}

async fn update(
    State(net): State<Service>,
    Cx(cx): Cx,
    Path((router, id)): Both,
    JsonBody(body): JsonBody,
) -> ApiResult {
    let (_, changes) = body::update::<ConntrackHelperChanges>(&SPEC, &cx, body)?;
    Ok(http::ok(&one(&conntrack_helper::update(&net, &cx, &router, &id, changes).await?)))
}

async fn delete(State(net): State<Service>, Cx(cx): Cx, Path((router, id)): Both) -> ApiResult {
    conntrack_helper::delete(&net, &cx, &router, &id).await?;
    Ok(http::no_content())
}

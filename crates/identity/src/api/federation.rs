//! `/v3/OS-FEDERATION`: the resources of federation

use super::{
    at::At,
    crud::{handlers, put},
    read::member as read,
    schemas,
    views::{self, all, created, member},
};
use crate::{
    Identity,
    ops::{identity_providers as idps, mappings, protocols, service_providers as sps},
};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Path, State, no_content};

type Two = Path<(String, String)>;

#[rustfmt::skip]
pub(super) fn routes() -> ApiRouter<Identity> {
    let idp = "/v3/OS-FEDERATION/identity_providers/{idp_id}";
    let protocol = "/v3/OS-FEDERATION/identity_providers/{idp_id}/protocols/{protocol_id}";
    let (mapping, sp) = ("/v3/OS-FEDERATION/mappings/{mapping_id}", "/v3/OS-FEDERATION/service_providers/{sp_id}");
    ApiRouter::new()
        .get("/v3/OS-FEDERATION/identity_providers", idp::list)
        .get(idp, idp::show).put(idp, idp::create).patch(idp, idp::update).delete(idp, idp::delete)
        .get("/v3/OS-FEDERATION/identity_providers/{idp_id}/protocols", list_protocols)
        .get(protocol, show_protocol).put(protocol, create_protocol)
        .patch(protocol, update_protocol).delete(protocol, delete_protocol)
        .get("/v3/OS-FEDERATION/mappings", rules::list)
        .get(mapping, rules::show).put(mapping, rules::create)
        .patch(mapping, rules::update).delete(mapping, rules::delete)
        .get("/v3/OS-FEDERATION/service_providers", sp::list)
        .get(sp, sp::show).put(sp, sp::create).patch(sp, sp::update).delete(sp, sp::delete)
}

mod idp {
    use super::*;
    handlers!(idps, "identity_provider" in "identity_providers", views::identity_provider, |body| &schemas::IDP_UPDATE);
    put!(idps, "identity_provider", views::identity_provider, |body| &schemas::IDP_CREATE);
}

mod sp {
    use super::*;
    handlers!(sps, "service_provider" in "service_providers", views::service_provider, |body| &schemas::SP_UPDATE);
    put!(sps, "service_provider", views::service_provider, |body| &schemas::SP_CREATE);
}

mod rules {
    use super::*;
    handlers!(mappings, "mapping" in "mappings", views::mapping, |body| schemas::mapping_schema(&body.0));
    put!(mappings, "mapping", views::mapping, |body| schemas::mapping_schema(&body.0));
}

async fn list_protocols(State(id): State<Identity>, Cx(cx): Cx, at: At, Path(idp): Path<String>) -> ApiResult {
    let found = protocols::list(&id, &cx, &idp)?;
    Ok(all(&at, "protocols", &found, |p| views::listed_protocol(&at, p)))
}

async fn show_protocol(State(id): State<Identity>, Cx(cx): Cx, at: At, Path((idp, protocol)): Two) -> ApiResult {
    let protocol = protocols::show(&id, &cx, &idp, &protocol)?;
    Ok(member("protocol", views::protocol(&at, &protocol)))
}

async fn create_protocol(
    State(id): State<Identity>,
    Cx(cx): Cx,
    at: At,
    Path((idp, protocol)): Two,
    body: JsonBody,
) -> ApiResult {
    let new = read(body, &schemas::PROTOCOL_CREATE, "protocol")?;
    let protocol = protocols::create(&id, &cx, &idp, &protocol, new).await?;
    Ok(created("protocol", views::protocol(&at, &protocol)))
}

async fn update_protocol(
    State(id): State<Identity>,
    Cx(cx): Cx,
    at: At,
    Path((idp, protocol)): Two,
    body: JsonBody,
) -> ApiResult {
    let update = read(body, &schemas::PROTOCOL_UPDATE, "protocol")?;
    let protocol = protocols::update(&id, &cx, &idp, &protocol, update).await?;
    Ok(member("protocol", views::protocol(&at, &protocol)))
}

async fn delete_protocol(State(id): State<Identity>, Cx(cx): Cx, Path((idp, protocol)): Two) -> ApiResult {
    protocols::delete(&id, &cx, &idp, &protocol).await?;
    Ok(no_content())
}

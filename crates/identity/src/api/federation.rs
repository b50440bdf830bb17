//! `/v3/OS-FEDERATION`: the resources of federation

use super::{
    at::At,
    read::member as read,
    schemas,
    views::{self, all, created, listed, member},
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
        .get("/v3/OS-FEDERATION/identity_providers", list_idps)
        .get(idp, show_idp).put(idp, create_idp).patch(idp, update_idp).delete(idp, delete_idp)
        .get("/v3/OS-FEDERATION/identity_providers/{idp_id}/protocols", list_protocols)
        .get(protocol, show_protocol).put(protocol, create_protocol)
        .patch(protocol, update_protocol).delete(protocol, delete_protocol)
        .get("/v3/OS-FEDERATION/mappings", list_mappings)
        .get(mapping, show_mapping).put(mapping, create_mapping)
        .patch(mapping, update_mapping).delete(mapping, delete_mapping)
        .get("/v3/OS-FEDERATION/service_providers", list_sps)
        .get(sp, show_sp).put(sp, create_sp).patch(sp, update_sp).delete(sp, delete_sp)
}

async fn list_idps(State(id): State<Identity>, Cx(cx): Cx, at: At) -> ApiResult {
    let found = idps::list(&id, &cx, &at.query(idps::FILTERS, id.config().list_limit)?)?;
    Ok(listed(&at, "identity_providers", &found, |p| views::identity_provider(&at, p)))
}

async fn show_idp(State(id): State<Identity>, Cx(cx): Cx, at: At, Path(idp): Path<String>) -> ApiResult {
    let idp = idps::show(&id, &cx, &idp)?;
    Ok(member("identity_provider", views::identity_provider(&at, &idp)))
}

async fn create_idp(
    State(id): State<Identity>,
    Cx(cx): Cx,
    at: At,
    Path(idp): Path<String>,
    body: JsonBody,
) -> ApiResult {
    let idp = idps::create(&id, &cx, &idp, read(body, &schemas::IDP_CREATE, "identity_provider")?).await?;
    Ok(created("identity_provider", views::identity_provider(&at, &idp)))
}

async fn update_idp(
    State(id): State<Identity>,
    Cx(cx): Cx,
    at: At,
    Path(idp): Path<String>,
    body: JsonBody,
) -> ApiResult {
    let idp = idps::update(&id, &cx, &idp, read(body, &schemas::IDP_UPDATE, "identity_provider")?).await?;
    Ok(member("identity_provider", views::identity_provider(&at, &idp)))
}

async fn delete_idp(State(id): State<Identity>, Cx(cx): Cx, Path(idp): Path<String>) -> ApiResult {
    idps::delete(&id, &cx, &idp).await?;
    Ok(no_content())
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

async fn list_mappings(State(id): State<Identity>, Cx(cx): Cx, at: At) -> ApiResult {
    let found = mappings::list(&id, &cx, &at.query(mappings::FILTERS, id.config().list_limit)?)?;
    Ok(listed(&at, "mappings", &found, |m| views::mapping(&at, m)))
}

async fn show_mapping(State(id): State<Identity>, Cx(cx): Cx, at: At, Path(mapping): Path<String>) -> ApiResult {
    let mapping = mappings::show(&id, &cx, &mapping)?;
    Ok(member("mapping", views::mapping(&at, &mapping)))
}

async fn create_mapping(
    State(id): State<Identity>,
    Cx(cx): Cx,
    at: At,
    Path(mapping): Path<String>,
    body: JsonBody,
) -> ApiResult {
    let schema = schemas::mapping_schema(&body.0);
    let mapping = mappings::create(&id, &cx, &mapping, read(body, schema, "mapping")?).await?;
    Ok(created("mapping", views::mapping(&at, &mapping)))
}

async fn update_mapping(
    State(id): State<Identity>,
    Cx(cx): Cx,
    at: At,
    Path(mapping): Path<String>,
    body: JsonBody,
) -> ApiResult {
    let schema = schemas::mapping_schema(&body.0);
    let mapping = mappings::update(&id, &cx, &mapping, read(body, schema, "mapping")?).await?;
    Ok(member("mapping", views::mapping(&at, &mapping)))
}

async fn delete_mapping(State(id): State<Identity>, Cx(cx): Cx, Path(mapping): Path<String>) -> ApiResult {
    mappings::delete(&id, &cx, &mapping).await?;
    Ok(no_content())
}

async fn list_sps(State(id): State<Identity>, Cx(cx): Cx, at: At) -> ApiResult {
    let found = sps::list(&id, &cx, &at.query(sps::FILTERS, id.config().list_limit)?)?;
    Ok(listed(&at, "service_providers", &found, |p| views::service_provider(&at, p)))
}

async fn show_sp(State(id): State<Identity>, Cx(cx): Cx, at: At, Path(sp): Path<String>) -> ApiResult {
    let sp = sps::show(&id, &cx, &sp)?;
    Ok(member("service_provider", views::service_provider(&at, &sp)))
}

async fn create_sp(
    State(id): State<Identity>,
    Cx(cx): Cx,
    at: At,
    Path(sp): Path<String>,
    body: JsonBody,
) -> ApiResult {
    let sp = sps::create(&id, &cx, &sp, read(body, &schemas::SP_CREATE, "service_provider")?).await?;
    Ok(created("service_provider", views::service_provider(&at, &sp)))
}

async fn update_sp(
    State(id): State<Identity>,
    Cx(cx): Cx,
    at: At,
    Path(sp): Path<String>,
    body: JsonBody,
) -> ApiResult {
    let sp = sps::update(&id, &cx, &sp, read(body, &schemas::SP_UPDATE, "service_provider")?).await?;
    Ok(member("service_provider", views::service_provider(&at, &sp)))
}

async fn delete_sp(State(id): State<Identity>, Cx(cx): Cx, Path(sp): Path<String>) -> ApiResult {
    sps::delete(&id, &cx, &sp).await?;
    Ok(no_content())
}

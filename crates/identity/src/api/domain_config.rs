//! `/v3/domains/{id}/config`, by group and option too, and its defaults.

use super::{read::member as read, schemas, views::member};
use crate::{
    Identity,
    ops::domain_config::{self, Part, Was},
};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Path, State, no_content};

type Two = Path<(String, String)>;
type Three = Path<(String, String, String)>;

const WHOLE: Part<'static> = Part { group: None, option: None };

fn group(group: &str) -> Part<'_> {
    Part { group: Some(group), option: None }
}

fn option<'a>(group: &'a str, option: &'a str) -> Part<'a> {
    Part { group: Some(group), option: Some(option) }
}

#[rustfmt::skip]
pub(super) fn routes() -> ApiRouter<Identity> {
    let (whole, group) = ("/v3/domains/{domain_id}/config", "/v3/domains/{domain_id}/config/{group}");
    let option = "/v3/domains/{domain_id}/config/{group}/{option}";
    ApiRouter::new()
        .put(whole, create)
        .get(whole, show).patch(whole, update).delete(whole, delete)
        .get(group, show_group).patch(group, update_group).delete(group, delete_group)
        .get(option, show_option).patch(option, update_option).delete(option, delete_option)
        .get("/v3/domains/config/default", default)
        .get("/v3/domains/config/{group}/default", default_group)
        .get("/v3/domains/config/{group}/{option}/default", default_option)
}

async fn create(State(id): State<Identity>, Cx(cx): Cx, Path(domain): Path<String>, body: JsonBody) -> ApiResult {
    let (config, was) =
        domain_config::create(&id, &cx, &domain, read(body, &schemas::DOMAIN_CONFIG, "config")?).await?;
    Ok(match was {
        Was::Absent => super::views::created("config", config),
        Was::Replaced => member("config", config),
    })
}

async fn show(State(id): State<Identity>, Cx(cx): Cx, Path(domain): Path<String>) -> ApiResult {
    Ok(member("config", domain_config::show(&id, &cx, &domain, WHOLE)?))
}

async fn show_group(State(id): State<Identity>, Cx(cx): Cx, Path((domain, g)): Two) -> ApiResult {
    Ok(member("config", domain_config::show(&id, &cx, &domain, group(&g))?))
}

async fn show_option(State(id): State<Identity>, Cx(cx): Cx, Path((domain, g, o)): Three) -> ApiResult {
    Ok(member("config", domain_config::show(&id, &cx, &domain, option(&g, &o))?))
}

async fn update(State(id): State<Identity>, Cx(cx): Cx, Path(domain): Path<String>, body: JsonBody) -> ApiResult {
    let changes = read(body, &schemas::DOMAIN_CONFIG, "config")?;
    Ok(member("config", domain_config::update(&id, &cx, &domain, WHOLE, changes).await?))
}

async fn update_group(State(id): State<Identity>, Cx(cx): Cx, Path((domain, g)): Two, body: JsonBody) -> ApiResult {
    let changes = read(body, &schemas::DOMAIN_CONFIG, "config")?;
    Ok(member("config", domain_config::update(&id, &cx, &domain, group(&g), changes).await?))
}

async fn update_option(
    State(id): State<Identity>,
    Cx(cx): Cx,
    Path((domain, g, o)): Three,
    body: JsonBody,
) -> ApiResult {
    let changes = read(body, &schemas::DOMAIN_CONFIG, "config")?;
    Ok(member("config", domain_config::update(&id, &cx, &domain, option(&g, &o), changes).await?))
}

async fn delete(State(id): State<Identity>, Cx(cx): Cx, Path(domain): Path<String>) -> ApiResult {
    domain_config::delete(&id, &cx, &domain, WHOLE).await?;
    Ok(no_content())
}

async fn delete_group(State(id): State<Identity>, Cx(cx): Cx, Path((domain, g)): Two) -> ApiResult {
    domain_config::delete(&id, &cx, &domain, group(&g)).await?;
    Ok(no_content())
}

async fn delete_option(State(id): State<Identity>, Cx(cx): Cx, Path((domain, g, o)): Three) -> ApiResult {
    domain_config::delete(&id, &cx, &domain, option(&g, &o)).await?;
    Ok(no_content())
}

async fn default(State(id): State<Identity>, Cx(cx): Cx) -> ApiResult {
    Ok(member("config", domain_config::default(&id, &cx, WHOLE)?))
}

async fn default_group(State(id): State<Identity>, Cx(cx): Cx, Path(g): Path<String>) -> ApiResult {
    Ok(member("config", domain_config::default(&id, &cx, group(&g))?))
}

async fn default_option(State(id): State<Identity>, Cx(cx): Cx, Path((g, o)): Two) -> ApiResult {
    Ok(member("config", domain_config::default(&id, &cx, option(&g, &o))?))
}

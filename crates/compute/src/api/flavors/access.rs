use super::schema;
use crate::{Compute, api::checked, error::invalid, model::Flavor, ops::flavors};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Path, State, ok};
use serde_json::{Value, json};

pub(super) fn routes() -> ApiRouter<Compute> {
    const ACTION: &str = "/v2.1/flavors/{flavor_id}/action";
    ApiRouter::new()
        .get("/v2.1/flavors/{flavor_id}/os-flavor-access", list)
        .post(ACTION, act)
        .action(ACTION, "addTenantAccess")
        .action(ACTION, "removeTenantAccess")
}

fn view(flavor: &Flavor) -> Value {
    let access = flavor.access.iter().map(|project| json!({"flavor_id": flavor.id, "tenant_id": project}));
    json!({"flavor_access": access.collect::<Vec<_>>()})
}

async fn list(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    Ok(ok(&view(&*flavors::access(&c, &cx, &id).await?)))
}

async fn act(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>, body: JsonBody) -> ApiResult {
    let (grants, revokes) = (body.0.get("addTenantAccess").is_some(), body.0.get("removeTenantAccess").is_some());
    let table = match (grants, revokes) {
        (true, _) => schema::GRANT,
        (_, true) => schema::REVOKE,
        _ => return Err(invalid("There is no such action.").into()),
    };
    let body: Value = checked(&cx, body, table)?;
    let tenant = |action: &str| body[action]["tenant"].as_str().unwrap_or_default().into();
    let changed = match grants {
        true => flavors::grant(&c, &cx, &id, tenant("addTenantAccess")).await?,
        false => flavors::revoke(&c, &cx, &id, tenant("removeTenantAccess")).await?,
    };
    Ok(ok(&view(&changed)))
}

//! `/os-migrations`: there are none, as nothing moves servers yet; the list is what is there.

use super::{
    check_query,
    schema::{by_version, paging, query, values, words},
};
use crate::{
    Compute,
    policy::{MIGRATIONS_ALL, MIGRATIONS_INDEX},
};
use http::{ApiResult, ApiRouter, Cx, Params, ok};
use policy::{Authorize, target};
use serde_json::{Value, json};

pub(super) fn routes() -> ApiRouter<Compute> {
    ApiRouter::new().get("/v2.1/os-migrations", list)
}

by_version! { LIST = list_schema: 1, 59, 66, 80; }

fn list_schema(minor: u16) -> Value {
    let mut properties = json!({});
    for key in ["hidden", "host", "instance_uuid", "source_compute", "status", "migration_type"] {
        properties[key] = words();
    }
    let time = || values(json!({"type": "string", "format": "date-time"}));
    if minor >= 59 {
        properties["changes-since"] = time();
        paging(&mut properties);
    }
    if minor >= 66 {
        properties["changes-before"] = time();
    }
    if minor >= 80 {
        properties["user_id"] = words();
        properties["project_id"] = words();
    }
    query(properties, minor < 59)
}

async fn list(Cx(cx): Cx, params: Params) -> ApiResult {
    check_query(&cx, &params, LIST)?;
    let project = cx.credentials.project().cloned().unwrap_or_default();
    let own = target! { "project_id" => project };
    let rule =
        if params.get("project_id").is_some_and(|p| project != *p) { &MIGRATIONS_ALL } else { &MIGRATIONS_INDEX };
    let _permit = cx.authorize(rule, &own)?;
    Ok(ok(&json!({"migrations": []})))
}

//! `/servers/{id}/shares`, from 2.97 on: directories of a share service in a guest. This cloud has no share service yet, so
//! there is nothing that could be attached, and no server has any.

use super::{
    check_query, checked,
    schema::{by_version, object, only, pattern, query, uuid},
    since,
};
use crate::{
    Compute,
    ops::shares::{self, Sharing},
};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Params, Path, State, ok};
use serde_json::{Value, json};

pub(super) fn routes() -> ApiRouter<Compute> {
    const ALL: &str = "/v2.1/servers/{server_id}/shares";
    const ONE: &str = "/v2.1/servers/{server_id}/shares/{share_id}";
    ApiRouter::new().get(ALL, list).post(ALL, create).get(ONE, show).delete(ONE, delete)
}

by_version! {
    CREATE = create_schema: 97;
    QUERY = query_schema: 97;
}

fn create_schema(_: u16) -> Value {
    let properties = json!({"share_id": uuid(), "tag": pattern("^[a-zA-Z0-9-]*$", 1, 255)});
    only("share", object(properties, &["share_id"]))
}

fn query_schema(_: u16) -> Value {
    query(json!({}), false)
}

async fn list(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>, params: Params) -> ApiResult {
    since(&cx, 97)?;
    check_query(&cx, &params, QUERY)?;
    shares::list(&c, &cx, &id).await?;
    Ok(ok(&json!({"shares": []})))
}

async fn show(
    State(c): State<Compute>,
    Cx(cx): Cx,
    Path((id, share)): Path<(String, String)>,
    params: Params,
) -> ApiResult {
    since(&cx, 97)?;
    check_query(&cx, &params, QUERY)?;
    match shares::find(&c, &cx, &id, &share, Sharing::Show).await? {}
}

async fn create(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>, body: JsonBody) -> ApiResult {
    since(&cx, 97)?;
    let body: Value = checked(&cx, body, CREATE)?;
    let share = body["share"]["share_id"].as_str().unwrap_or_default();
    match shares::find(&c, &cx, &id, share, Sharing::Attach).await? {}
}

async fn delete(State(c): State<Compute>, Cx(cx): Cx, Path((id, share)): Path<(String, String)>) -> ApiResult {
    since(&cx, 97)?;
    match shares::find(&c, &cx, &id, &share, Sharing::Detach).await? {}
}

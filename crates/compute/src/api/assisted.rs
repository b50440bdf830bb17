//! `/os-assisted-volume-snapshots`: how Cinder asks for the hypervisor's help with volumes that are files on a share. A request is
//! judged and taken as by Nova; then, as with a back end of Nova's that takes its snapshots itself, nothing is left to do: all
//! here do, also while a guest writes to them.

use super::{
    check_query, checked,
    schema::{by_version, object, only, query, words},
};
use crate::{
    Compute,
    error::invalid,
    ops::attachments::assist,
    policy::{ASSISTED_CREATE, ASSISTED_DELETE},
};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Params, State, no_content, ok};
use kernel::Result;
use policy::Authorize;
use serde_json::{Value, json};

pub(super) fn routes() -> ApiRouter<Compute> {
    ApiRouter::new()
        .post("/v2.1/os-assisted-volume-snapshots", create)
        .delete("/v2.1/os-assisted-volume-snapshots/{snapshot_id}", delete)
}

by_version! {
    CREATE = create_schema: 1;
    DELETE = delete_schema: 1, 75;
}

fn create_schema(_: u16) -> Value {
    let info = json!({
        "snapshot_id": {"type": "string", "minLength": 1},
        "type": {"type": "string", "enum": ["qcow2"]},
        "new_file": {"type": "string", "minLength": 1},
        "id": {"type": "string", "minLength": 1},
    });
    let info = object(info, &["snapshot_id", "type", "new_file"]);
    only(
        "snapshot",
        object(
            json!({"volume_id": {"type": "string", "minLength": 1}, "create_info": info}),
            &["volume_id", "create_info"],
        ),
    )
}

fn delete_schema(minor: u16) -> Value {
    query(json!({"delete_info": words()}), minor < 75)
}

async fn create(State(c): State<Compute>, Cx(cx): Cx, body: JsonBody) -> ApiResult {
    let _permit = cx.authorize(&ASSISTED_CREATE, &())?;
    let body: Value = checked(&cx, body, CREATE)?;
    let snapshot = &body["snapshot"];
    let volume = snapshot["volume_id"].as_str().unwrap_or_default();
    assist(&c, volume).await?;
    Ok(ok(&json!({"snapshot": {"id": snapshot["create_info"]["id"], "volumeId": volume}})))
}

async fn delete(State(c): State<Compute>, Cx(cx): Cx, params: Params) -> ApiResult {
    let _permit = cx.authorize(&ASSISTED_DELETE, &())?;
    check_query(&cx, &params, DELETE)?;
    assist(&c, &volume_of(&params)?).await?;
    Ok(no_content())
}

/// `delete_info` is JSON in a query.
fn volume_of(params: &Params) -> Result<String> {
    let info = params.get("delete_info").ok_or_else(|| invalid("'delete_info'"))?;
    let info: Value = serde_json::from_str(info).map_err(|e| invalid(format!("delete_info: {e}")))?;
    info["volume_id"].as_str().map(str::to_owned).ok_or_else(|| invalid("'volume_id'"))
}

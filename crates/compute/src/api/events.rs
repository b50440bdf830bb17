//! `/os-server-external-events`

use super::{
    checked,
    schema::{by_version, object, only, uuid},
};
use crate::{
    Compute,
    ops::events::{self, ExternalEvent},
};
use http::{ApiResult, ApiRouter, Cx, JsonBody, State, StatusCode, json_response};
use kernel::Error;
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) fn routes() -> ApiRouter<Compute> {
    ApiRouter::new().post("/v2.1/os-server-external-events", create)
}

by_version! { CREATE = create_schema: 1, 51, 76, 82, 93; }

fn create_schema(minor: u16) -> Value {
    let mut names = vec!["network-changed", "network-vif-plugged", "network-vif-unplugged", "network-vif-deleted"];
    let since =
        [(51, "volume-extended"), (76, "power-update"), (82, "accelerator-request-bound"), (93, "volume-reimaged")];
    names.extend(since.into_iter().filter(|(since, _)| minor >= *since).map(|(_, name)| name));
    let event = json!({
        "server_uuid": uuid(),
        "name": {"type": "string", "enum": names},
        "status": {"type": "string", "enum": ["completed", "failed", "in-progress"]},
        "tag": {"type": "string", "maxLength": 255},
    });
    only("events", json!({"type": "array", "minItems": 1, "items": object(event, &["server_uuid", "name"])}))
}

#[derive(Deserialize)]
struct CreateBody {
    events: Vec<ExternalEvent>,
}

async fn create(State(c): State<Compute>, Cx(cx): Cx, body: JsonBody) -> ApiResult {
    let CreateBody { events } = checked(&cx, body, CREATE)?;
    let taken = events::take(&c, &cx, events).await?;
    if taken.iter().all(|t| t.code == 404) {
        return Err(Error::not_found("No instances found for any event").into());
    }
    let status = if taken.iter().all(|t| t.code == 200) { StatusCode::OK } else { StatusCode::MULTI_STATUS };
    let views = taken.iter().map(|t| {
        let status = if t.code == 200 { t.event.status.as_str() } else { "failed" };
        let mut view =
            json!({"name": t.event.name, "server_uuid": t.event.server_uuid, "status": status, "code": t.code});
        if let Some(tag) = &t.event.tag {
            view["tag"] = json!(tag);
        }
        view
    });
    Ok(json_response(status, &json!({"events": views.collect::<Vec<_>>()})))
}

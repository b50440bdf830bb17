use super::valid;
use crate::{
    Identity, Refusal,
    model::{EndpointGroup, endpoint_filter::EndpointGroupId},
    ops::audit::Note,
    policy::{Authorize, endpoint_filter::CREATE_ENDPOINT_GROUP},
};
use kernel::{Ctx, Result, ids::uuid_hex};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::sync::Arc;

#[derive(Deserialize)]
pub struct New {
    pub name: String,
    pub description: Option<String>,
    #[serde(default)]
    pub filters: Map<String, Value>,
}

pub async fn create(id: &Identity, cx: &Ctx, new: New) -> Result<Arc<EndpointGroup>> {
    let permit = cx.authorize(&CREATE_ENDPOINT_GROUP, &())?;
    if new.filters.is_empty() {
        return Err(Refusal::invalid("filters field is required and cannot be empty").into());
    }
    valid(&new.filters)?;
    let group = EndpointGroup {
        id: EndpointGroupId::from(uuid_hex().as_str()),
        name: new.name,
        description: new.description,
        filters: new.filters,
    };
    let note = Note::of(cx);
    id.write(permit, "identity.endpoint_group.create", move |tx| {
        note.created(tx, "endpoint_group", &group.id)?;
        tx.insert(group.clone())
    })
    .await
}

use super::{WHAT, valid};
use crate::{
    Identity, Refusal,
    model::EndpointGroup,
    ops::{audit::Note, fields, found::found_in},
    policy::{Authorize, endpoint_filter::UPDATE_ENDPOINT_GROUP},
};
use kernel::{Ctx, Result};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::sync::Arc;

#[derive(Clone, Deserialize)]
pub struct Update {
    pub id: Option<String>,
    pub name: Option<String>,
    #[serde(default, deserialize_with = "fields::given")]
    pub description: Option<Option<String>>,
    pub filters: Option<Map<String, Value>>,
}

pub async fn update(id: &Identity, cx: &Ctx, group_id: &str, update: Update) -> Result<Arc<EndpointGroup>> {
    let permit = cx.authorize(&UPDATE_ENDPOINT_GROUP, &())?;
    update.filters.as_ref().map_or(Ok(()), valid)?;
    if update.id.as_deref().is_some_and(|new| new != group_id) {
        return Err(Refusal::invalid("Cannot change ID").into());
    }
    let (note, group_id) = (Note::of(cx), group_id.to_owned());
    id.write(permit, "identity.endpoint_group.update", move |tx| {
        let mut new = EndpointGroup::clone(&*found_in::<EndpointGroup>(tx, WHAT, &group_id)?);
        new.name = update.name.clone().unwrap_or(new.name);
        new.description = update.description.clone().unwrap_or(new.description);
        new.filters = update.filters.clone().unwrap_or(new.filters);
        note.updated(tx, "endpoint_group", &group_id)?;
        Ok(tx.put(new))
    })
    .await
}

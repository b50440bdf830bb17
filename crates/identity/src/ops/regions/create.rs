use crate::{
    Identity, Refusal,
    model::{Extra, Region},
    ops::{audit::Note, fields},
    policy::{Authorize, catalog::CREATE_REGION},
};
use kernel::{Ctx, RegionId, Result};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize)]
pub struct New {
    pub id: Option<String>,
    pub description: Option<String>,
    pub parent_region_id: Option<RegionId>,
    #[serde(flatten)]
    pub extra: Extra,
}

/// `path_id`: the id of `PUT /v3/regions/{id}`.
pub async fn create(id: &Identity, cx: &Ctx, path_id: Option<&str>, new: New) -> Result<Arc<Region>> {
    let permit = cx.authorize(&CREATE_REGION, &())?;
    let given = new.id.filter(|id| !id.is_empty());
    if let (Some(path), Some(given)) = (path_id, &given)
        && path != given
    {
        return Err(Refusal::Invalid(format!("Conflicting region IDs specified: \"{path}\" != \"{given}\"")).into());
    }
    let region_id = path_id.map(str::to_owned).or(given).map_or_else(RegionId::new_hex, RegionId::from);
    let region = Region {
        id: region_id,
        description: new.description.unwrap_or_default(),
        parent: new.parent_region_id,
        extra: fields::kept(new.extra),
    };
    let note = Note::of(cx);
    id.write(permit, "identity.region.create", move |tx| {
        if tx.get::<Region>(&region.id).is_some() {
            return Err(Refusal::conflict("region", format!("Duplicate ID, {}.", region.id)).into());
        }
        if let Some(parent) = region.parent.as_ref().filter(|p| tx.get::<Region>(p).is_none()) {
            return Err(Refusal::not_found("region", parent.as_str()).into());
        }
        note.created(tx, "region", &region.id)?;
        Ok(tx.put(region.clone()))
    })
    .await
}

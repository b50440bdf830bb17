use crate::{
    Identity, Refusal,
    model::{Extra, Region},
    ops::{audit::Note, fields},
    policy::{Authorize, catalog::UPDATE_REGION},
};
use kernel::{Ctx, RegionId, Result};
use serde::Deserialize;
use std::sync::Arc;
use store::Tx;

#[derive(Clone, Deserialize)]
pub struct Update {
    pub id: Option<String>,
    #[serde(default, deserialize_with = "fields::given")]
    pub description: Option<Option<String>>,
    #[serde(default, deserialize_with = "fields::given")]
    pub parent_region_id: Option<Option<RegionId>>,
    #[serde(flatten)]
    pub extra: Extra,
}

pub async fn update(id: &Identity, cx: &Ctx, region_id: &str, update: Update) -> Result<Arc<Region>> {
    let permit = cx.authorize(&UPDATE_REGION, &())?;
    if update.id.as_deref().is_some_and(|new| new != region_id) {
        return Err(Refusal::invalid("Cannot change ID").into());
    }
    let (note, region_id) = (Note::of(cx), region_id.to_owned());
    id.write(permit, "identity.region.update", move |tx| {
        let old = tx.get::<Region>(&region_id).ok_or_else(|| Refusal::not_found("region", region_id.as_str()))?;
        let mut new = Region::clone(&old);
        if let Some(description) = &update.description {
            new.description = description.clone().unwrap_or_default();
        }
        if let Some(parent) = &update.parent_region_id {
            new.parent.clone_from(parent);
            no_circle(tx, &new)?;
        }
        new.extra.extend(fields::kept(update.extra.clone()));
        note.updated(tx, "region", &new.id)?;
        Ok(tx.put(new))
    })
    .await
}

fn no_circle(tx: &mut Tx, region: &Region) -> Result<()> {
    let mut above = region.parent.clone();
    while let Some(id) = above {
        if id == region.id {
            let parent = region.parent.as_deref().unwrap_or_default();
            return Err(Refusal::Invalid(format!(
                "The specified parent region {parent} would create a circular region hierarchy."
            ))
            .into());
        }
        let Some(parent) = tx.get::<Region>(&id) else { return Err(Refusal::not_found("region", id.as_str()).into()) };
        above = parent.parent.clone();
    }
    Ok(())
}

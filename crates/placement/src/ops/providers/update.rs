use super::{
    found, name, parent,
    schema::{UPDATE, UPDATE_14},
};
use crate::{
    Content, Placement, PlacementError,
    model::{Provider, ProviderId},
    policy::PROVIDERS_UPDATE,
};
use kernel::{Ctx, Microversion, Result, Timestamp};
use policy::Authorize;
use serde::{Deserialize, Deserializer};
use std::sync::Arc;
use store::Tx;

#[derive(Clone, Deserialize)]
struct Asked {
    name: String,
    /// Absent: stay; null: become a root.
    #[serde(default, deserialize_with = "given")]
    parent_provider_uuid: Option<Option<ProviderId>>,
}

fn given<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Option<ProviderId>>, D::Error> {
    Option::deserialize(value).map(Some)
}

pub(crate) async fn update(p: &Placement, cx: &Ctx, id: &str, content: Content) -> Result<Arc<Provider>> {
    let permit = cx.authorize(&PROVIDERS_UPDATE, &())?;
    let content = content.supported()?;
    super::find(&p.store.snapshot(), id)?;
    let asked: Asked = content.read(if cx.version.since(1, 14) { &UPDATE_14 } else { &UPDATE })?;
    let (id, version, now) = (id.to_owned(), cx.version, cx.now());
    p.write(permit, "placement.provider.update", move |tx| changed(tx, &id, &asked, version, now)).await
}

fn changed(tx: &mut Tx, id: &str, asked: &Asked, version: Microversion, now: Timestamp) -> Result<Arc<Provider>> {
    let before = found(tx, id)?;
    let mut new = Provider { name: asked.name.clone(), updated: now, ..Provider::clone(&before) };
    if new.name != before.name {
        if !name::take(tx, &new.name, id) {
            return Err(PlacementError::Duplicate(new.name).into());
        }
        name::give_back(tx, &before);
    }
    if let Some(above) = &asked.parent_provider_uuid {
        move_below(tx, &before, above.as_ref(), version).map_err(|reason| {
            let text = format!("Unable to save resource provider {id}: Object action update failed because: {reason}");
            PlacementError::Bad(text)
        })?;
        new.parent.clone_from(above);
    }
    Ok(tx.put(new))
}

/// From 1.37 on a provider may change its parent; before, it may only get its first.
fn move_below(tx: &mut Tx, it: &Provider, above: Option<&ProviderId>, version: Microversion) -> Result<(), String> {
    let may_move = version.since(1, 37);
    let Some(above) = above else {
        let stays = it.parent.is_none() || may_move;
        return if stays { Ok(()) } else { Err("un-parenting a provider is not currently allowed.".into()) };
    };
    parent::hold(tx, above)?;
    if it.parent.as_ref().is_some_and(|parent| parent != above) && !may_move {
        return Err("re-parenting a provider is not currently allowed.".into());
    }
    if parent::is_below(tx, above, &it.id) {
        return Err("creating loop in the provider tree is not allowed.".into());
    }
    Ok(())
}

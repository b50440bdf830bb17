use crate::{
    Content, Placement, PlacementError,
    model::Provider,
    ops::{names, providers},
    policy::{PROVIDER_TRAITS_DELETE, PROVIDER_TRAITS_UPDATE},
};
use kernel::{Ctx, Result, Timestamp};
use policy::Authorize;
use serde::Deserialize;
use std::{collections::BTreeSet, sync::Arc};
use store::Tx;

http::schema! {
    TRAITS = {
        "type": "object",
        "properties": {
            "traits": {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 255}},
            "resource_provider_generation": {"type": "integer"}
        },
        "required": ["traits", "resource_provider_generation"],
        "additionalProperties": false
    }
}

#[derive(Clone, Deserialize)]
struct Asked {
    traits: BTreeSet<String>,
    resource_provider_generation: i64,
}

pub(crate) async fn replace(p: &Placement, cx: &Ctx, id: &str, content: Content) -> Result<Arc<Provider>> {
    let permit = cx.authorize(&PROVIDER_TRAITS_UPDATE, &())?;
    let asked: Asked = content.read(&TRAITS)?;
    let (id, now) = (id.to_owned(), cx.now());
    p.write(permit, "placement.traits.replace", move |tx| {
        providers::at_generation(tx, &id, asked.resource_provider_generation, providers::CHANGED)?;
        written(tx, &id, asked.traits.clone(), now)
    })
    .await
}

pub(crate) async fn delete_all(p: &Placement, cx: &Ctx, id: &str) -> Result<Arc<Provider>> {
    let permit = cx.authorize(&PROVIDER_TRAITS_DELETE, &())?;
    let (id, now) = (id.to_owned(), cx.now());
    p.write(permit, "placement.traits.delete_all", move |tx| written(tx, &id, BTreeSet::new(), now)).await
}

/// The same traits again are no change, and leave the generation as it is.
fn written(tx: &mut Tx, id: &str, traits: BTreeSet<String>, now: Timestamp) -> Result<Arc<Provider>> {
    let before = providers::found(tx, id)?;
    let mut unknown = Vec::new();
    for name in traits.difference(&before.traits) {
        if !names::use_trait(tx, name) {
            unknown.push(name.as_str());
        }
    }
    if !unknown.is_empty() {
        return Err(PlacementError::Bad(format!("No such trait {}", unknown.join(", "))).into());
    }
    if traits == before.traits {
        return Ok(before);
    }
    let mut provider = Provider { traits, ..Provider::clone(&before) };
    provider.raise(now);
    Ok(tx.put(provider))
}

use crate::{Content, Placement, model::Provider, ops::providers, policy::AGGREGATES_UPDATE};
use kernel::{Ctx, Result};
use policy::Authorize;
use serde::Deserialize;
use std::{collections::BTreeSet, sync::Arc};

fn list() -> serde_json::Value {
    serde_json::json!({"type": "array", "items": {"type": "string", "format": "uuid"}, "uniqueItems": true})
}

http::schema! {
    LIST = (list());
    LIST_19 = {
        "type": "object",
        "properties": {"aggregates": (list()), "resource_provider_generation": {"type": "integer"}},
        "required": ["aggregates", "resource_provider_generation"],
        "additionalProperties": false
    };
}

#[derive(Clone, Deserialize)]
struct Asked {
    aggregates: Vec<String>,
    resource_provider_generation: i64,
}

/// The provider, and the aggregates in the order given. From 1.19 on the generation is compared and raised; before, it was not looked at.
pub(crate) async fn replace(
    p: &Placement,
    cx: &Ctx,
    id: &str,
    content: Content,
) -> Result<(Arc<Provider>, Vec<String>)> {
    let permit = cx.authorize(&AGGREGATES_UPDATE, &())?;
    let content = content.supported()?;
    providers::find(&p.store.snapshot(), id)?;
    let (given, seen) = if cx.version.since(1, 19) {
        let asked: Asked = content.read(&LIST_19)?;
        (asked.aggregates, Some(asked.resource_provider_generation))
    } else {
        (content.read(&LIST)?, None)
    };
    let (id, now, aggregates) = (id.to_owned(), cx.now(), given.iter().cloned().collect::<BTreeSet<_>>());
    let write = p.write(permit, "placement.aggregates.replace", move |tx| {
        let before = match seen {
            Some(seen) => providers::at_generation(tx, &id, seen, providers::CHANGED)?,
            None => providers::found(tx, &id)?,
        };
        let mut provider = Provider { aggregates: aggregates.clone(), ..Provider::clone(&before) };
        if seen.is_some() {
            provider.raise(now);
        }
        Ok(tx.put(provider))
    });
    Ok((write.await?, given))
}

use crate::{
    Content, Placement, PlacementError,
    model::{Inventory, Provider, ProviderId},
    ops::{
        allocations::{self, Body, Refused, Wanted, assign},
        inventories, providers,
    },
    policy::RESHAPE,
};
use http::{Schema, pick};
use kernel::{Ctx, Microversion, Result, Timestamp};
use policy::Authorize;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use store::Tx;

fn schema(allocations: &Value) -> Value {
    let inventories = json!({
        "type": "object", "minProperties": 1, "additionalProperties": false,
        "patternProperties": {allocations::schema::UUID: inventories::provider_inventories()},
    });
    json!({
        "type": "object",
        "properties": {"inventories": inventories, "allocations": allocations::schema::several(allocations, 0)},
        "required": ["inventories", "allocations"],
        "additionalProperties": false,
    })
}

http::schema! {
    RESHAPE_30 = (schema(&allocations::schema::keyed_28()));
    RESHAPE_34 = (schema(&allocations::schema::keyed_34()));
    RESHAPE_38 = (schema(&allocations::schema::keyed_38()));
}

const SCHEMAS: &[(Microversion, &Schema)] = &[
    (Microversion::new(1, 30), &RESHAPE_30),
    (Microversion::new(1, 34), &RESHAPE_34),
    (Microversion::new(1, 38), &RESHAPE_38),
];

#[derive(Clone, Deserialize)]
struct Asked {
    inventories: BTreeMap<ProviderId, All>,
    allocations: BTreeMap<String, Body>,
}

#[derive(Clone, Deserialize)]
struct All {
    resource_provider_generation: i64,
    inventories: BTreeMap<String, inventories::Asked>,
}

pub(crate) async fn reshape(p: &Placement, cx: &Ctx, content: Content) -> Result<()> {
    let permit = cx.authorize(&RESHAPE, &())?;
    let asked: Asked = content.read(pick(SCHEMAS, cx.version).unwrap_or(&RESHAPE_30))?;
    let wanted: Vec<Wanted> = asked.allocations.iter().map(|(consumer, body)| body.clone().of(consumer)).collect();
    let now = cx.now();
    p.write(permit, "placement.reshape", move |tx| reshaped(tx, &asked.inventories, &wanted, now)).await
}

/// First every provider has the inventories it had and those it shall have, so that allocations can move; then what it shall
/// not have goes, which nothing may be allocated of by then.
fn reshaped(tx: &mut Tx, all: &BTreeMap<ProviderId, All>, wanted: &[Wanted], now: Timestamp) -> Result<()> {
    let malformed = |why| PlacementError::Bad(format!("malformed reshaper data: {why}"));
    let mut shall: Vec<(&ProviderId, BTreeMap<String, Inventory>)> = Vec::new();
    for (id, asked) in all {
        as_seen(tx, id, asked.resource_provider_generation)?;
        let new = asked.inventories.iter().map(|(class, asked)| (class.clone(), asked.inventory()));
        shall.push((id, new.collect()));
    }
    for (id, new) in &shall {
        if !new.is_empty() {
            let mut union = providers::found(tx, id)?.inventories.clone();
            union.extend(new.clone());
            inventories::replaced(tx, id, union, now, malformed)?;
        }
    }
    assign(tx, wanted, now).map_err(|refused| match refused {
        Refused::Unknown(why) => malformed(why),
        other => other.unable(""),
    })?;
    for (id, new) in shall {
        inventories::replaced(tx, id, new, now, malformed)?;
    }
    Ok(())
}

fn as_seen(tx: &mut Tx, id: &ProviderId, given: i64) -> Result<(), PlacementError> {
    let Some(provider) = tx.get::<Provider>(id) else {
        let why = PlacementError::NoProvider(id.to_string());
        let text = format!("Resource provider {id} in inventories not found: {why}");
        return Err(PlacementError::UnknownProvider(text));
    };
    let actual = provider.generation;
    if i64::try_from(actual) == Ok(given) {
        return Ok(());
    }
    let text = format!("resource provider generation conflict for provider {id}: actual: {actual}, given: {given}");
    Err(PlacementError::Changed(text))
}

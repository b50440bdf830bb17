use super::{Wanted, fits};
use crate::{
    PlacementError,
    model::{self, Allocation, Provider, ProviderId, Resources},
    ops::names,
};
use kernel::Timestamp;
use std::collections::BTreeMap;
use store::Tx;

/// Why nothing was written; each request has its own words around it.
pub(crate) enum Refused {
    /// A consumer or provider is not as the client thinks.
    As(PlacementError),
    /// A class that is not there.
    Unknown(PlacementError),
    /// Placement's reason why it does not fit.
    Unfit(String),
}

impl Refused {
    /// In the words of `PUT` and `POST /allocations` (`of` names the consumer, or is empty).
    pub(crate) fn unable(self, of: &str) -> PlacementError {
        match self {
            Self::As(error) => error,
            Self::Unknown(why) => PlacementError::Bad(format!("Unable to allocate inventory{of} {why}")),
            Self::Unfit(why) => PlacementError::Conflict(format!("Unable to allocate inventory: {why}")),
        }
    }
}

/// Writes what each consumer shall have in place of what it has. A consumer that shall have nothing is gone afterwards.
pub(crate) fn assign(tx: &mut Tx, wanted: &[Wanted], now: Timestamp) -> Result<(), Refused> {
    let mut former = Vec::with_capacity(wanted.len());
    for one in wanted {
        let before = tx.get::<Allocation>(&one.consumer);
        seen(one, before.as_deref()).map_err(Refused::As)?;
        former.push(before);
    }
    for id in wanted.iter().flat_map(|one| one.providers.keys()) {
        if tx.get::<Provider>(id).is_none() {
            let text = format!("Allocation for resource provider '{id}' that does not exist.");
            return Err(Refused::As(PlacementError::Bad(text)));
        }
    }
    let classes = wanted.iter().flat_map(|one| one.providers.values()).flat_map(Resources::keys);
    if let Some(class) = classes.into_iter().find(|class| !names::class_exists(tx.view(), class)) {
        return Err(Refused::Unknown(PlacementError::NoResourceClass(class.clone())));
    }
    let parts = fits::by_provider(wanted.iter().map(|one| &one.providers));
    let used = |tx: &mut Tx, id: &ProviderId| tx.get::<Provider>(id).map_or_else(Resources::new, |p| p.used.clone());
    let before: BTreeMap<_, _> = parts.keys().map(|id| (id.clone(), used(tx, id))).collect();
    model::give_back(tx, former.iter().flatten());
    for (id, parts) in &parts {
        let refusal = tx.get::<Provider>(id).and_then(|p| fits::refusal(&p, parts, &before[id]));
        if let Some(why) = refusal {
            return Err(Refused::Unfit(why));
        }
    }
    // Whoever takes a consumer from a host takes it from the host's cells.
    for (one, before) in wanted.iter().zip(&former) {
        let left = before.iter().flat_map(|b| b.providers.keys()).filter(|id| !one.providers.contains_key(*id));
        left.for_each(|provider| model::leave_cells(tx, provider, &one.consumer));
    }
    let mut taken = Vec::new();
    let mut emptied = Vec::new();
    for (one, before) in wanted.iter().zip(former) {
        match before {
            Some(before) if one.providers.is_empty() => emptied.push(before),
            None if one.providers.is_empty() => {}
            before => taken.push(allocation(one, before.as_deref(), now)),
        }
    }
    model::settle(tx, taken, &emptied, now);
    Ok(())
}

/// From 1.28 on a client says which generation of the consumer it saw, or that it saw none.
fn seen(one: &Wanted, before: Option<&Allocation>) -> Result<(), PlacementError> {
    let Some(seen) = one.seen else { return Ok(()) };
    let there = before.and_then(|a| i64::try_from(a.generation).ok());
    if seen == there {
        return Ok(());
    }
    let word = |generation: Option<i64>, none: &str| generation.map_or_else(|| none.to_owned(), |g| g.to_string());
    let (expected, got) = (word(there, "null"), word(seen, "None"));
    Err(PlacementError::Changed(format!("consumer generation conflict - expected {expected} but got {got}")))
}

fn allocation(one: &Wanted, before: Option<&Allocation>, now: Timestamp) -> Allocation {
    let kind = one.kind.clone().or_else(|| before.map(|a| a.consumer_type.clone()));
    Allocation {
        consumer: one.consumer.clone(),
        consumer_type: kind.unwrap_or_else(|| Allocation::UNKNOWN.into()),
        project: one.project.as_str().into(),
        user: one.user.as_str().into(),
        generation: before.map_or(1, |a| a.generation + 1),
        providers: one.providers.clone(),
        created: before.map_or(now, |a| a.created),
        updated: now,
    }
}

//! Registered limits: the defaults of resources.

mod create;
mod delete;
mod list;
mod show;
mod update;

pub use create::{New, create};
pub use delete::delete;
pub use list::{FILTERS, list};
pub use show::show;
pub use update::{Update, update};

use crate::{
    Refusal,
    model::{
        Region, RegisteredLimit, Service,
        limit::{OF_REGISTERED, ON, Resource},
    },
};
use kernel::Result;
use store::Tx;

fn absent(id: &str) -> Refusal {
    Refusal::Absent(format!("Could not find registered limit for {id}."))
}

/// Service and region are there; the service is written again as it is: who removes it at this moment conflicts and sees the
/// registered limit.
fn settle(tx: &mut Tx, resource: &Resource) -> Result<()> {
    let missing = |attribute| Refusal::Missing { attribute, target: "registered_limit" };
    let service = tx.get::<Service>(&resource.service).ok_or_else(|| missing("service_id"))?;
    tx.put(Service::clone(&service));
    if let Some(region) = &resource.region {
        tx.get::<Region>(region).ok_or_else(|| missing("region_id"))?;
    }
    Ok(())
}

fn claim(tx: &mut Tx, limit: &RegisteredLimit) -> Result<()> {
    let taken = |_| Refusal::conflict("registered_limit", "Duplicate entry").into();
    tx.claim_unique(RegisteredLimit::NAMES, &limit.resource.key(), &limit.id).map_err(taken)
}

/// In the transaction, and without limits of its own. Whoever makes a limit writes the registered one again, so an index read
/// is enough to know that there is none.
fn unused(tx: &mut Tx, id: &str) -> Result<RegisteredLimit> {
    let found = tx.get::<RegisteredLimit>(id).ok_or_else(|| absent(id))?;
    if tx.view().count_by(OF_REGISTERED, id) > 0 {
        return Err(Refusal::Forbidden(format!(
            "Unable to update or delete registered limit {id} because there are project limits associated with it."
        ))
        .into());
    }
    Ok(RegisteredLimit::clone(&found))
}

/// A service stays while a limit on its resources is registered.
pub(crate) fn forbid_removal(tx: &Tx, service: &str) -> Result<()> {
    match tx.view().count_by(ON, service) {
        0 => Ok(()),
        _ => Err(Refusal::conflict("service", "it has registered limits").into()),
    }
}

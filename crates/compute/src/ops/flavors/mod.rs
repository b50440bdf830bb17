//! Flavors, who may use them, and their extra specs.

mod access;
mod create;
mod delete;
mod list;
mod show;
mod specs;
mod update;

pub(crate) use access::{access, grant, revoke};
pub(crate) use create::{NewFlavor, create};
pub(crate) use delete::delete;
pub(crate) use list::list;
pub(crate) use show::show;
pub(crate) use specs::{extend_specs, remove_spec, specs};
pub(crate) use update::update;

use crate::{ComputeError, model::Flavor};
use kernel::{Ctx, Result};
use std::sync::Arc;
use store::{Snapshot, Tx};

/// A flavor the caller may know of.
fn find(cx: &Ctx, snapshot: &Snapshot, id: &str) -> Result<Arc<Flavor>> {
    let usable =
        |f: &Arc<Flavor>| cx.is_admin() || f.public || cx.credentials.project().is_some_and(|p| f.usable_by(p));
    let found = snapshot.get::<Flavor>(id).filter(usable);
    found.ok_or_else(|| ComputeError::NoFlavor(id.into()).into())
}

fn find_in(tx: &mut Tx, id: &str) -> Result<Arc<Flavor>> {
    tx.get::<Flavor>(id).ok_or_else(|| ComputeError::NoFlavor(id.into()).into())
}

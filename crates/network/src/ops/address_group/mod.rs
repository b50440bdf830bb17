//! Address groups.

pub mod addresses;
pub mod create;
pub mod delete;
pub mod update;

use crate::{
    model::{
        AddressGroup, Resource,
        rbac::{self, Action},
    },
    ops::access::Reach,
};
use kernel::{ProjectId, Result};
use store::Tx;

/// Notes that a rule of a project is about to refer to a group, which must be one that the project may use.
pub(crate) fn refer(tx: &mut Tx, reach: &Reach, project: &ProjectId, id: &str) -> Result<()> {
    let group = tx.get::<AddressGroup>(id).ok_or_else(|| AddressGroup::not_found(id))?;
    if !reach.admin && group.project() != project && !rbac::grants(tx.view(), id, Action::Shared, Some(project)) {
        return Err(AddressGroup::not_found(id).into());
    }
    tx.put(AddressGroup { serial: group.serial + 1, ..AddressGroup::clone(&group) });
    Ok(())
}

//! Who has which role where, as given or as it works out.

mod effective;
mod list;
mod names;

pub use list::{Filter, list};
pub use names::{NamedIn, Names};

use crate::model::{Actor, Assignment, Target};
use kernel::{GroupId, RoleId};

/// One line of the list. `through_…` say where an effective one comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub actor: Actor,
    pub target: Target,
    pub role: RoleId,
    /// Given to be inherited by what is below.
    pub inherited: bool,
    pub through_group: Option<GroupId>,
    /// What it was inherited from.
    pub through_target: Option<Target>,
    pub through_role: Option<RoleId>,
    pub names: Option<Names>,
}

impl From<&Assignment> for Found {
    fn from(a: &Assignment) -> Self {
        Self {
            actor: a.actor.clone(),
            target: a.target.clone(),
            role: a.role.clone(),
            inherited: a.inherited,
            through_group: None,
            through_target: None,
            through_role: None,
            names: None,
        }
    }
}

//! The network that a project was given when it asked for any ([`crate::ops::auto_topology`]).

use kernel::{NetworkId, ProjectId, RouterId};
use serde::{Deserialize, Serialize};
use store::{Key, Object};

/// One per project: the key is the project, so two that ask at once get the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutoTopology {
    pub project: ProjectId,
    pub network: NetworkId,
    pub router: RouterId,
}

impl Object for AutoTopology {
    const KIND: &'static str = "network.auto_topology";
    fn key(&self) -> Key {
        self.project.as_str().into()
    }
}

//! Group types: what a group of volumes can do.

use kernel::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::{Key, Object};

/// Made at bootstrap. It does not promise that the snapshots of a group are of one moment.
pub(crate) const DEFAULT_GROUP_TYPE: &str = "default_group_type";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupType {
    pub id: String,
    pub name: String,
    pub description: Option<String>,
    pub public: bool,
    pub specs: BTreeMap<String, String>,
    pub created_at: Timestamp,
}

impl Object for GroupType {
    const KIND: &'static str = "volume.group_type";
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
}

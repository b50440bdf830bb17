//! Volume types: names for what back ends offer.

use kernel::{Error, Result, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::{Key, Object, Tx};

/// Made at bootstrap; what a volume gets that asks for no type.
pub(crate) const DEFAULT_TYPE: &str = "__DEFAULT__";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeType {
    pub id: String,
    pub name: String,
    pub description: Option<String>,
    pub public: bool,
    /// Scheduling hints; `volume_backend_name` chooses the back end.
    pub extra_specs: BTreeMap<String, String>,
    pub created_at: Timestamp,
}

impl Object for VolumeType {
    const KIND: &'static str = "volume.type";
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
}

/// A type by id or name.
pub(crate) fn resolve_type(tx: &mut Tx, wanted: &str) -> Result<VolumeType> {
    if let Some(found) = tx.get::<VolumeType>(wanted) {
        return Ok(VolumeType::clone(&found));
    }
    let named = tx.view().all::<VolumeType>().find(|t| t.name == wanted);
    let named = named.ok_or_else(|| Error::not_found(format!("Volume type with name {wanted} could not be found.")))?;
    Ok(VolumeType::clone(&named))
}

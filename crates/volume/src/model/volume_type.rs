//! Volume types: names for what back ends offer, and what belongs to them: who may use them, QoS specs, a project's default.

use kernel::{Error, ProjectId, Result, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use store::{Index, IndexSink, Key, Object, Tx};

/// Made at bootstrap; what a volume gets that asks for no type.
pub(crate) const DEFAULT_TYPE: &str = "__DEFAULT__";

/// Extra specs that say what a type offers, not how the cloud is built: who is no administrator sees these only.
pub(crate) const OPEN_SPECS: &[&str] = &["RESKEY:availability_zones", "multiattach", "replication_enabled"];

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeType {
    pub id: String,
    pub name: String,
    pub description: Option<String>,
    pub public: bool,
    /// Scheduling hints; `volume_backend_name` chooses the back end.
    pub extra_specs: BTreeMap<String, String>,
    /// Projects that may use it though it is not public.
    #[serde(default)]
    pub access: BTreeSet<ProjectId>,
    #[serde(default)]
    pub encryption: Option<Encryption>,
    #[serde(default)]
    pub qos: Option<String>,
    pub created_at: Timestamp,
}

/// How a type's volumes are encrypted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encryption {
    pub id: String,
    pub provider: String,
    /// `front-end` (the hypervisor) or `back-end`.
    pub control_location: String,
    pub cipher: Option<String>,
    pub key_size: Option<u64>,
    pub created_at: Timestamp,
}

impl VolumeType {
    pub const BY_QOS: Index<VolumeType> = Index::new(0);

    /// Whether several servers may have one of its volumes.
    pub(crate) fn shares(&self) -> bool {
        self.extra_specs.get("multiattach").is_some_and(|v| v == "<is> True")
    }

    pub(crate) fn usable_by(&self, project: &ProjectId) -> bool {
        self.public || self.access.contains(project)
    }
}

impl Object for VolumeType {
    const KIND: &'static str = "volume.type";
    const INDEXES: &'static [&'static str] = &["qos"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        if let Some(qos) = &self.qos {
            sink.add(Self::BY_QOS, qos);
        }
    }
}

/// Rates and the like, for the types that are associated with them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QosSpecs {
    pub id: String,
    pub name: String,
    /// `front-end`, `back-end` or `both`: who enforces them.
    pub consumer: String,
    pub specs: BTreeMap<String, String>,
    pub created_at: Timestamp,
}

impl Object for QosSpecs {
    const KIND: &'static str = "volume.qos";
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
}

/// The type that a project's volumes get which ask for none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectDefault {
    pub project: ProjectId,
    pub volume_type: String,
}

impl Object for ProjectDefault {
    const KIND: &'static str = "volume.default_type";
    fn key(&self) -> Key {
        self.project.as_str().into()
    }
}

/// A type by id or name, among those that a project may use.
pub(crate) fn resolve_type(tx: &mut Tx, wanted: &str, project: &ProjectId) -> Result<VolumeType> {
    let usable = |t: &VolumeType| t.usable_by(project);
    if let Some(found) = tx.get::<VolumeType>(wanted).filter(|t| usable(t)) {
        return Ok(VolumeType::clone(&found));
    }
    let named = tx.view().all::<VolumeType>().find(|t| t.name == wanted && usable(t));
    let named = named.ok_or_else(|| Error::not_found(format!("Volume type with name {wanted} could not be found.")))?;
    Ok(VolumeType::clone(&named))
}

/// The type of a volume that asks for none.
pub(crate) fn default_type(tx: &mut Tx, project: &ProjectId) -> Result<VolumeType> {
    let own = tx.get::<ProjectDefault>(project).map_or_else(|| DEFAULT_TYPE.to_owned(), |d| d.volume_type.clone());
    resolve_type(tx, &own, project)
}

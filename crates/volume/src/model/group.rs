//! Groups of volumes, and snapshots of whole groups.
//!
//! What makes or removes several volumes or snapshots at once is one flow, the group's: all of them or none. The status of a group is
//! what its volumes are ([`Group::status`], [`GroupSnapshot::status`]), unless an administrator, or a flow that failed, said otherwise.

use super::{Snapshot, SnapshotStatus, Volume, VolumeStatus};
use kernel::{ProjectId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use store::{Index, IndexSink, Key, Object, Snapshot as View};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    pub id: String,
    pub name: Option<String>,
    pub description: Option<String>,
    pub project: ProjectId,
    pub user: UserId,
    pub group_type: String,
    pub volume_types: Vec<String>,
    pub availability_zone: String,
    /// What it was made of.
    pub group_snapshot: Option<String>,
    pub source_group: Option<String>,
    /// It goes, with its volumes.
    pub deleting: bool,
    /// What its status was said to be.
    pub said: Option<String>,
    pub created_at: Timestamp,
}

impl Group {
    pub const BY_PROJECT: Index<Group> = Index::new(0);
    pub const BY_TYPE: Index<Group> = Index::new(1);

    pub fn object(id: &str) -> String {
        format!("volume.group/{id}")
    }

    pub fn status(&self, view: &View) -> String {
        let volumes: Vec<_> = view.by(Volume::BY_GROUP, &self.id).map(|v| v.status).collect();
        let any = |status: VolumeStatus| volumes.contains(&status);
        match &self.said {
            _ if self.deleting && any(VolumeStatus::ErrorDeleting) => "error_deleting".to_owned(),
            _ if self.deleting => "deleting".to_owned(),
            Some(said) => said.clone(),
            None if any(VolumeStatus::Creating) => "creating".to_owned(),
            None if any(VolumeStatus::Error) => "error".to_owned(),
            None => "available".to_owned(),
        }
    }
}

impl Object for Group {
    const KIND: &'static str = "volume.group";
    const INDEXES: &'static [&'static str] = &["project", "type"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(Self::BY_PROJECT, &self.project);
        sink.add(Self::BY_TYPE, &self.group_type);
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupSnapshot {
    pub id: String,
    pub group: String,
    pub group_type: String,
    pub name: Option<String>,
    pub description: Option<String>,
    pub project: ProjectId,
    pub user: UserId,
    pub deleting: bool,
    pub said: Option<String>,
    pub created_at: Timestamp,
}

impl GroupSnapshot {
    pub const BY_PROJECT: Index<GroupSnapshot> = Index::new(0);
    pub const BY_GROUP: Index<GroupSnapshot> = Index::new(1);

    pub fn object(id: &str) -> String {
        format!("volume.group_snapshot/{id}")
    }

    pub fn status(&self, view: &View) -> String {
        let snapshots: Vec<_> = view.by(Snapshot::BY_GROUP_SNAPSHOT, &self.id).map(|s| s.status).collect();
        let any = |status: SnapshotStatus| snapshots.contains(&status);
        match &self.said {
            _ if self.deleting && any(SnapshotStatus::ErrorDeleting) => "error_deleting".to_owned(),
            _ if self.deleting => "deleting".to_owned(),
            Some(said) => said.clone(),
            None if any(SnapshotStatus::Creating) => "creating".to_owned(),
            None if any(SnapshotStatus::Error) => "error".to_owned(),
            None => "available".to_owned(),
        }
    }
}

impl Object for GroupSnapshot {
    const KIND: &'static str = "volume.group_snapshot";
    const INDEXES: &'static [&'static str] = &["project", "group"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(Self::BY_PROJECT, &self.project);
        sink.add(Self::BY_GROUP, &self.group);
    }
}

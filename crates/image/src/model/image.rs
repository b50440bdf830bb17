//! The image record.

use kernel::{ImageId, ProjectId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use store::{Index, IndexSink, Key, Object};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Queued,
    Saving,
    /// Its bytes are being staged, or are.
    Uploading,
    Importing,
    Active,
    Deactivated,
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Saving => "saving",
            Self::Uploading => "uploading",
            Self::Importing => "importing",
            Self::Active => "active",
            Self::Deactivated => "deactivated",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    Public,
    Private,
    Shared,
    Community,
}

impl Visibility {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
            Self::Shared => "shared",
            Self::Community => "community",
        }
    }
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Public, Self::Private, Self::Shared, Self::Community].into_iter().find(|v| v.as_str() == text)
    }
}

/// A project that a shared image was offered to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    pub status: MemberStatus,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MemberStatus {
    Pending,
    Accepted,
    Rejected,
}

impl MemberStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
        }
    }
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Pending, Self::Accepted, Self::Rejected].into_iter().find(|s| s.as_str() == text)
    }
}

/// Where the bytes are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    pub store: String,
    pub blob: String,
}

/// Bytes that wait to be imported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staged {
    pub location: Location,
    pub size: u64,
}

/// Who is writing the bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saving {
    /// The start of the process; when that is not this one's, nobody is writing any more.
    pub incarnation: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Image {
    pub id: ImageId,
    pub name: Option<String>,
    pub owner: ProjectId,
    pub status: Status,
    pub visibility: Visibility,
    pub disk_format: Option<String>,
    pub container_format: Option<String>,
    pub min_disk: u64,
    pub min_ram: u64,
    pub protected: bool,
    pub hidden: bool,
    pub size: Option<u64>,
    pub virtual_size: Option<u64>,
    /// MD5, for clients of old.
    pub checksum: Option<String>,
    /// SHA-512
    pub hash: Option<String>,
    pub tags: BTreeSet<String>,
    pub properties: BTreeMap<String, String>,
    pub members: BTreeMap<String, Member>,
    pub locations: Vec<Location>,
    pub saving: Option<Saving>,
    #[serde(default)]
    pub staged: Option<Staged>,
    /// The task of the import under way.
    #[serde(default)]
    pub import_task: Option<String>,
    /// Stores that the last import has still to reach; `None`: there was none.
    #[serde(default)]
    pub importing_to: Option<Vec<String>>,
    /// Stores that the last import did not reach.
    #[serde(default)]
    pub failed_import: Option<Vec<String>>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Image {
    pub const BY_BLOB: Index<Image> = Index::new(0);
    pub const BY_STATUS: Index<Image> = Index::new(1);
    pub const BY_OWNER: Index<Image> = Index::new(2);

    /// True if a project may see the image at all.
    pub fn visible_to(&self, project: Option<&ProjectId>) -> bool {
        match self.visibility {
            Visibility::Public | Visibility::Community => true,
            Visibility::Private => project == Some(&self.owner),
            Visibility::Shared => project.is_some_and(|p| *p == self.owner || self.members.contains_key(p.as_str())),
        }
    }
}

impl Object for Image {
    const KIND: &'static str = "image.image";
    const INDEXES: &'static [&'static str] = &["blob", "status", "owner"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        for location in self.locations.iter().chain(self.staged.iter().map(|s| &s.location)) {
            sink.add(Self::BY_BLOB, format!("{}/{}", location.store, location.blob));
        }
        sink.add(Self::BY_STATUS, self.status.as_str());
        sink.add(Self::BY_OWNER, self.owner.as_str());
    }
}

//! An attachment: one volume, one server.

use crate::driver::Target;
use kernel::{AttachmentId, HostName, ProjectId, ServerId, Timestamp, VolumeId};
use serde::{Deserialize, Serialize};
use store::{Index, IndexSink, Key, Object};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AttachmentStatus {
    Reserved,
    Attaching,
    Attached,
    Detaching,
}

impl AttachmentStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Attaching => "attaching",
            Self::Attached => "attached",
            Self::Detaching => "detaching",
        }
    }
}

/// Who answers for an attachment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Holder {
    /// A server's flows made it and will end it.
    #[default]
    Compute,
    /// Whoever called the API.
    Caller,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attachment {
    pub id: AttachmentId,
    pub volume: VolumeId,
    pub project: ProjectId,
    pub server: Option<ServerId>,
    pub status: AttachmentStatus,
    pub read_only: bool,
    #[serde(default)]
    pub holder: Holder,
    /// The host it is exported for, and how.
    pub host: Option<HostName>,
    pub target: Option<Target>,
    pub device: Option<String>,
    pub attached_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

impl Attachment {
    pub const BY_VOLUME: Index<Attachment> = Index::new(0);
    pub const BY_PROJECT: Index<Attachment> = Index::new(1);
    pub const BY_SERVER: Index<Attachment> = Index::new(2);
}

impl Object for Attachment {
    const KIND: &'static str = "volume.attachment";
    const INDEXES: &'static [&'static str] = &["volume", "project", "server"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(Self::BY_VOLUME, &self.volume);
        sink.add(Self::BY_PROJECT, &self.project);
        if let Some(server) = &self.server {
            sink.add(Self::BY_SERVER, server);
        }
    }
}

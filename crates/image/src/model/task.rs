//! What an import was asked for and how it went. The work is a flow's; this is what people read of it, and it stays for a
//! while after the flow has ended.

use kernel::{ImageId, ProjectId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{Index, IndexSink, Key, Object};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// Made through the tasks API.
    Import,
    ApiImageImport,
}

impl TaskKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Import => "import",
            Self::ApiImageImport => "api_image_import",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskStatus {
    Pending,
    Processing,
    Success,
    Failure,
}

impl TaskStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::Success => "success",
            Self::Failure => "failure",
        }
    }
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Pending, Self::Processing, Self::Success, Self::Failure].into_iter().find(|s| s.as_str() == text)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    pub id: String,
    pub kind: TaskKind,
    pub status: TaskStatus,
    pub owner: ProjectId,
    pub user: UserId,
    pub request_id: String,
    pub image: ImageId,
    pub input: Value,
    pub message: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Set when it has ended: from then on it may be forgotten.
    pub expires_at: Option<Timestamp>,
}

impl Task {
    pub const BY_IMAGE: Index<Task> = Index::new(0);
}

impl Object for Task {
    const KIND: &'static str = "image.task";
    const INDEXES: &'static [&'static str] = &["image"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(Self::BY_IMAGE, self.image.as_str());
    }
}

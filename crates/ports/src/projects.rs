//! What other services may know of identity's projects.

use kernel::{DomainId, ProjectId};
use store::Snapshot;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectInfo {
    pub id: ProjectId,
    pub name: String,
    pub domain: DomainId,
    pub enabled: bool,
}

pub trait Projects: Send + Sync + 'static {
    fn project(&self, snapshot: &Snapshot, id: &str) -> Option<ProjectInfo>;
}

//! What other services may know of projects.

use crate::model::project;
use ports::{ProjectInfo, Projects};
use store::Snapshot;

/// Holds nothing: everything is in the snapshot.
#[derive(Clone, Copy, Debug, Default)]
pub struct KnownProjects;

impl Projects for KnownProjects {
    fn project(&self, snapshot: &Snapshot, id: &str) -> Option<ProjectInfo> {
        let project = project::find(snapshot, id)?;
        let domain = project.owner();
        let domain_enabled = project::find_domain(snapshot, &domain).is_some_and(|d| d.enabled);
        Some(ProjectInfo {
            id: project.id.clone(),
            name: project.name.clone(),
            domain,
            enabled: project.enabled && domain_enabled,
        })
    }
}

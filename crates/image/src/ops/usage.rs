//! What a project uses of the image service, and how far it may go.
//!
//! The limits are identity's (unified limits): asked for in the transaction that takes something, through a port. Counted is
//! what is there, over the project's own images, so no count can drift. As in Glance, sizes are checked before bytes come: one
//! upload may pass the limit, the next is refused.

use crate::{Image, ImageService, Status};
use kernel::{Error, ProjectId, Result};
use store::Snapshot;

const MIB: u64 = 1 << 20;

/// A limited thing, by the name under which its limit is registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resource {
    SizeTotal,
    StageTotal,
    CountTotal,
    CountUploading,
}

impl Resource {
    pub(crate) const ALL: [Self; 4] = [Self::SizeTotal, Self::StageTotal, Self::CountTotal, Self::CountUploading];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SizeTotal => "image_size_total",
            Self::StageTotal => "image_stage_total",
            Self::CountTotal => "image_count_total",
            Self::CountUploading => "image_count_uploading",
        }
    }

    /// What one image adds; sizes in bytes.
    fn of(self, image: &Image) -> u64 {
        match self {
            Self::SizeTotal => image.size.unwrap_or(0) * image.locations.len() as u64,
            Self::StageTotal => image.staged.as_ref().map_or(0, |s| s.size),
            Self::CountTotal => 1,
            Self::CountUploading => {
                u64::from(matches!(image.status, Status::Saving | Status::Uploading | Status::Importing))
            }
        }
    }

    fn unit(self) -> u64 {
        match self {
            Self::SizeTotal | Self::StageTotal => MIB,
            Self::CountTotal | Self::CountUploading => 1,
        }
    }
}

/// What is used, in MiB or images.
pub(crate) fn used(snapshot: &Snapshot, project: &ProjectId, resource: Resource) -> u64 {
    let total: u64 = snapshot.by(Image::BY_OWNER, project.as_str()).map(|i| resource.of(&i)).sum();
    total / resource.unit()
}

/// The limit in force; -1: none.
pub(crate) fn limit(service: &ImageService, snapshot: &Snapshot, project: &ProjectId, resource: Resource) -> i64 {
    service.0.limits.limit(snapshot, project, "image", resource.name()).unwrap_or(-1)
}

fn check(service: &ImageService, view: &Snapshot, project: &ProjectId, resource: Resource, more: u64) -> Result<()> {
    let limit = limit(service, view, project, resource);
    let used = used(view, project, resource);
    if limit >= 0 && used + more > limit.unsigned_abs() {
        return Err(Error::too_large(format!(
            "Project {project} is over a limit for [Resource {} is over limit of {limit} due to current usage {used} and \
             delta {more}]",
            resource.name()
        )));
    }
    Ok(())
}

pub(crate) fn may_add(service: &ImageService, view: &Snapshot, project: &ProjectId) -> Result<()> {
    check(service, view, project, Resource::CountTotal, 1)
}

pub(crate) fn may_upload(service: &ImageService, view: &Snapshot, project: &ProjectId) -> Result<()> {
    check(service, view, project, Resource::CountUploading, 1)
}

/// Not over the limit already; how large the image will be nobody knows yet.
pub(crate) fn may_grow(service: &ImageService, view: &Snapshot, project: &ProjectId) -> Result<()> {
    check(service, view, project, Resource::SizeTotal, 0)
}

pub(crate) fn may_stage(service: &ImageService, view: &Snapshot, project: &ProjectId) -> Result<()> {
    check(service, view, project, Resource::StageTotal, 0)
}

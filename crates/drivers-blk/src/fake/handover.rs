//! What was let go, on paper.

use super::{
    Call, FakeVolumes,
    paper::{FakeVolume, Paper},
};
use kernel::{Error, Result, SnapshotId, VolumeId};
use volume::driver::{Candidate, Fence, nothing_lies_here};

pub(super) fn candidates(paper: &Paper) -> Vec<Candidate> {
    let let_go = paper.candidates().into_iter();
    let mut found: Vec<_> =
        let_go.map(|(reference, v)| Candidate { reference, size_gib: v.size_gib, of: None }).collect();
    for (id, volume) in paper.pages() {
        let of = |(reference, size_gib)| Candidate { reference, size_gib, of: Some(id.clone()) };
        found.extend(volume.released.into_iter().map(of));
    }
    found
}

impl FakeVolumes {
    pub(super) async fn adopt_volume(&self, reference: &str, id: &VolumeId, fence: Fence) -> Result<u64> {
        let paper = &self.0.paper;
        let size = self.change(Call::Adopt, id, fence, |volume| {
            if volume.is_none() {
                let found = paper.candidates().remove(reference);
                *volume = Some(found.ok_or_else(|| nothing_lies_here(reference))?);
            }
            Ok(volume.as_ref().map_or(0, |v| v.size_gib))
        });
        let size = size.await?;
        paper.change_candidates(|all| drop(all.remove(reference)))?;
        Ok(size)
    }

    pub(super) async fn release_volume(&self, id: &VolumeId, fence: Fence) -> Result<()> {
        let paper = &self.0.paper;
        let release = |volume: &mut Option<FakeVolume>| match volume.take() {
            Some(v) if v.export.is_some() || !v.snapshots.is_empty() => {
                Err(Error::conflict(format!("volume {id} is exported or has snapshots")))
            }
            Some(v) => paper.change_candidates(|all| drop(all.insert(format!("volume-{id}"), v))),
            None => Ok(()),
        };
        self.change(Call::Release, id, fence, release).await
    }
}

pub(super) fn adopt_snapshot(volume: &mut FakeVolume, reference: &str, id: &SnapshotId) -> Result<()> {
    if volume.snapshots.contains_key(id) {
        return Ok(());
    }
    let size = volume.released.remove(reference).ok_or_else(|| nothing_lies_here(reference))?;
    volume.snapshots.insert(id.clone(), size);
    Ok(())
}

pub(super) fn release_snapshot(volume: Option<&mut FakeVolume>, id: &SnapshotId) {
    if let Some(volume) = volume
        && let Some(size) = volume.snapshots.remove(id)
    {
        volume.released.insert(format!("_snapshot-{id}"), size);
    }
}

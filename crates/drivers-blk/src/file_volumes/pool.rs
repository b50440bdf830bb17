//! The pool's directory: where things lie, and the small records beside them. Everything here blocks for the time of a small file.
//!
//! ```text
//!   <dir>/volumes/<volume>/volume.qcow2       the volume
//!                         /volume.json        its size
//!                         /export.json        that it is exported, and how: written before, removed after the daemons
//!                         /snapshots/<snapshot>.qcow2
//!                         /disk/  /gateway/   the homes of its storage daemons
//!   <dir>/images/                             images unpacked, for the next volume of each (`bases`)
//!   <dir>/candidates/                         what was let go (`handover`)
//!   <dir>/sockets/<volume>.{nbd,qmp,gw}       in the first directory only
//! ```
//!
//! A pool may have several such directories ([`super::areas`]).

use super::{FileVolumesConfig, areas::Areas};
use crate::{
    durable::Unfinished,
    ground::{Ground, names, read},
    names::plain,
};
use kernel::{Error, Result, SnapshotId, VolumeId, error::Doing};
use ports::IoLimits;
use serde::{Deserialize, Serialize};
use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};
use volume::driver::Inventory;

pub(super) const GIB: u64 = 1 << 30;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct VolumeRecord {
    pub(super) size_gib: u64,
}

/// What is asked of the daemons of a volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ExportRecord {
    pub(super) read_only: bool,
    /// The port of the gateway, once a host other than this one was given the volume.
    pub(super) port: Option<u16>,
    #[serde(default, skip_serializing_if = "IoLimits::is_none")]
    pub(super) limits: IoLimits,
}

#[derive(Debug)]
pub(super) struct Pool {
    pub(super) areas: Areas,
    sockets: PathBuf,
}

/// The paths of one volume.
#[derive(Clone, Debug)]
pub(super) struct VolumeDir {
    /// The directory of the pool that it lies in.
    pub(super) area: Arc<Ground>,
    path: PathBuf,
    pub(super) id: VolumeId,
    sockets: PathBuf,
}

impl Pool {
    pub(super) fn open(config: &FileVolumesConfig) -> Result<Self> {
        let areas = Areas::open(config)?;
        let sockets = super::sockets::root(&areas.first().dir().join("sockets"), &config.run_dir)?;
        let there = |id: &str| areas.holding("volumes", id).is_some();
        areas.first().prune_fences(there).doing("forgetting old fences")?;
        Ok(Self { areas, sockets })
    }

    /// What is the whole pool's.
    pub(super) fn ground(&self) -> &Arc<Ground> {
        self.areas.first()
    }

    /// Where it lies; one that does not exist, in the first directory.
    pub(super) fn volume(&self, id: &VolumeId) -> Result<VolumeDir> {
        let area = self.areas.holding("volumes", plain(id)?).unwrap_or(self.ground());
        self.volume_in(area, id)
    }

    /// Where it is to lie.
    pub(super) fn volume_in(&self, area: &Arc<Ground>, id: &VolumeId) -> Result<VolumeDir> {
        let path = area.dir().join("volumes").join(plain(id)?);
        Ok(VolumeDir { area: Arc::clone(area), path, id: id.clone(), sockets: self.sockets.clone() })
    }

    /// A volume that must be there.
    pub(super) fn existing(&self, id: &VolumeId) -> Result<VolumeDir> {
        let volume = self.volume(id)?;
        if volume.exists() { Ok(volume) } else { Err(Error::not_found(format!("volume {id} is not in this pool"))) }
    }

    pub(super) fn ids(&self) -> Result<Vec<VolumeId>> {
        Ok(self.areas.names("volumes")?.into_iter().map(VolumeId::from).collect())
    }

    /// Names of the sockets that lie about.
    pub(super) fn sockets(&self) -> io::Result<Vec<String>> {
        names(&self.ground().dir().join("sockets"))
    }

    pub(super) fn inventory(&self) -> Result<Inventory> {
        let mut found = Inventory::default();
        for id in self.ids()? {
            let volume = self.volume(&id)?;
            let snapshots = volume.snapshots()?;
            found.snapshots.extend(snapshots.into_iter().map(|snapshot| (id.clone(), snapshot)));
            if volume.exported()?.is_some() {
                found.exports.push(id.clone());
            }
            found.volumes.push(id);
        }
        Ok(found)
    }

    /// Ports given to other volumes.
    pub(super) fn ports_in_use(&self) -> Result<Vec<u16>> {
        let mut ports = Vec::new();
        for id in self.ids()? {
            ports.extend(self.volume(&id)?.exported()?.and_then(|e| e.port));
        }
        Ok(ports)
    }
}

impl VolumeDir {
    /// A volume's directory that is not among the pool's volumes.
    pub(super) fn at(area: &Arc<Ground>, path: PathBuf) -> Self {
        Self { area: Arc::clone(area), sockets: path.clone(), path, id: VolumeId::default() }
    }
    /// For what is to be this volume's.
    pub(super) fn unfinished(&self) -> Unfinished {
        self.area.unfinished()
    }
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
    pub(super) fn exists(&self) -> bool {
        self.path.is_dir()
    }
    pub(super) fn image(&self) -> PathBuf {
        self.path.join("volume.qcow2")
    }
    pub(super) fn record_path(&self) -> PathBuf {
        self.path.join("volume.json")
    }
    pub(super) fn export_path(&self) -> PathBuf {
        self.path.join("export.json")
    }
    pub(super) fn home(&self, daemon: &str) -> PathBuf {
        self.path.join(daemon)
    }
    pub(super) fn socket(&self, ending: &str) -> PathBuf {
        self.sockets.join(format!("{}.{ending}", self.id))
    }

    pub(super) fn record(&self) -> Result<VolumeRecord> {
        let missing = || Error::internal(format!("volume {} has no record in its pool", self.id));
        read(&self.record_path())?.ok_or_else(missing)
    }

    pub(super) fn exported(&self) -> Result<Option<ExportRecord>> {
        read(&self.export_path())
    }

    pub(super) fn snapshot(&self, id: &SnapshotId) -> Result<PathBuf> {
        Ok(self.path.join("snapshots").join(format!("{}.qcow2", plain(id)?)))
    }

    pub(super) fn snapshots(&self) -> Result<Vec<SnapshotId>> {
        let names = names(&self.path.join("snapshots")).doing("listing the snapshots of a volume")?;
        Ok(names.iter().filter_map(|n| n.strip_suffix(".qcow2")).map(SnapshotId::from).collect())
    }
}

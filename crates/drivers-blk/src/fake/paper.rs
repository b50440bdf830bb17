//! The fake pool's books: one page per volume, in memory and, if there is a directory, in a file.

use crate::names::{folder, plain};
use kernel::{Error, Result, SnapshotId, VolumeId, error::Doing};
use parking_lot::Mutex;
use ports::IoLimits;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};
use volume::driver::{BackupPlace, Fence, Inventory};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FakeVolume {
    pub(super) size_gib: u64,
    /// With the volume's size of that moment.
    pub(super) snapshots: BTreeMap<SnapshotId, u64>,
    /// Whether it is exported, and if so, whether read-only.
    pub(super) export: Option<bool>,
    /// What its users are held to while it is exported.
    #[serde(default, skip_serializing_if = "IoLimits::is_none")]
    pub(super) limits: IoLimits,
    /// Snapshots that were let go, by their names as candidates.
    #[serde(default)]
    pub(super) released: BTreeMap<String, u64>,
}

/// A volume that has gone leaves the generation on its page.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Page {
    generation: u64,
    volume: Option<FakeVolume>,
}

#[derive(Default)]
pub(super) struct Paper {
    pages: Mutex<BTreeMap<VolumeId, Page>>,
    /// Sizes in bytes, by container and backup.
    backups: Mutex<BTreeMap<(String, String), u64>>,
    /// Volumes that were let go, by their names as candidates.
    candidates: Mutex<BTreeMap<String, FakeVolume>>,
    directory: Option<PathBuf>,
}

impl Paper {
    pub(super) fn at(directory: PathBuf) -> Result<Self> {
        let doing = "reading the fake pool's volumes";
        fs::create_dir_all(&directory).doing("making the fake pool's directory")?;
        let mut pages = BTreeMap::new();
        for entry in fs::read_dir(&directory).doing(doing)? {
            let path = entry.doing(doing)?.path();
            if path.extension().is_some_and(|e| e == "json")
                && !path.ends_with(CANDIDATES)
                && let Some(id) = path.file_stem().and_then(|s| s.to_str())
            {
                pages.insert(VolumeId::from(id), serde_json::from_slice(&fs::read(&path).doing(doing)?).doing(doing)?);
            }
        }
        let backups = backups(&directory)?;
        let candidates = match fs::read(directory.join(CANDIDATES)) {
            Ok(bytes) => serde_json::from_slice(&bytes).doing(doing)?,
            Err(_) => BTreeMap::new(), // nothing was let go yet
        };
        let (pages, backups, candidates) = (Mutex::new(pages), Mutex::new(backups), Mutex::new(candidates));
        Ok(Self { pages, backups, candidates, directory: Some(directory) })
    }

    pub(super) fn see(&self, id: &VolumeId) -> Option<FakeVolume> {
        self.pages.lock().get(id)?.volume.clone()
    }

    /// `change` must not look at the books itself beyond [`Paper::see`], which takes the same lock: it gets a copy and the lock is free.
    pub(super) fn change<T>(
        &self,
        id: &VolumeId,
        fence: Fence,
        change: impl FnOnce(&mut Option<FakeVolume>) -> Result<T>,
    ) -> Result<T> {
        let mut page = self.pages.lock().get(id).cloned().unwrap_or_default();
        if fence.generation < page.generation {
            let (seen, asked) = (page.generation, fence.generation);
            return Err(Error::conflict(format!("volume {id} is at generation {seen}, the request is of {asked}")));
        }
        page.generation = fence.generation;
        let before = page.volume.clone();
        let done = change(&mut page.volume);
        if done.is_err() {
            page.volume = before;
        }
        if let Some(directory) = &self.directory {
            keep(directory, id, &page)?;
        }
        self.pages.lock().insert(id.clone(), page);
        done
    }

    pub(super) fn backup(&self, place: &BackupPlace) -> Result<u64> {
        let found = self.backups.lock().get(&named(place)).copied();
        found.ok_or_else(|| Error::not_found(format!("backup {} is not here", place.backup)))
    }

    pub(super) fn keep_backup(&self, place: &BackupPlace, size: u64) -> Result<()> {
        plain(&place.backup)?;
        folder(&place.container)?;
        if let Some(directory) = &self.directory {
            let (doing, container) = ("keeping a fake backup", directory.join(BACKUPS).join(&place.container));
            fs::create_dir_all(&container).doing(doing)?;
            fs::write(container.join(&place.backup), size.to_string()).doing(doing)?;
        }
        self.backups.lock().insert(named(place), size);
        Ok(())
    }

    pub(super) fn drop_backup(&self, place: &BackupPlace) -> Result<()> {
        let known = self.backups.lock().remove(&named(place)).is_some();
        match &self.directory {
            Some(directory) if known => {
                let file = directory.join(BACKUPS).join(&place.container).join(&place.backup);
                fs::remove_file(file).doing("removing a fake backup")
            }
            _ => Ok(()),
        }
    }

    pub(super) fn candidates(&self) -> BTreeMap<String, FakeVolume> {
        self.candidates.lock().clone()
    }

    pub(super) fn change_candidates(&self, change: impl FnOnce(&mut BTreeMap<String, FakeVolume>)) -> Result<()> {
        let (doing, mut candidates) = ("keeping the fake pool's candidates", self.candidates.lock());
        change(&mut candidates);
        match &self.directory {
            Some(directory) => {
                fs::write(directory.join(CANDIDATES), serde_json::to_vec(&*candidates).doing(doing)?).doing(doing)
            }
            None => Ok(()),
        }
    }

    pub(super) fn pages(&self) -> Vec<(VolumeId, FakeVolume)> {
        let pages = self.pages.lock();
        pages.iter().filter_map(|(id, page)| Some((id.clone(), page.volume.clone()?))).collect()
    }

    pub(super) fn inventory(&self) -> Inventory {
        let mut found = Inventory::default();
        for (id, page) in &*self.pages.lock() {
            let Some(volume) = &page.volume else { continue };
            found.volumes.push(id.clone());
            found.snapshots.extend(volume.snapshots.keys().map(|snapshot| (id.clone(), snapshot.clone())));
            found.exports.extend(volume.export.map(|_| id.clone()));
        }
        found
    }
}

const BACKUPS: &str = "backups";
const CANDIDATES: &str = "candidates.json";

fn named(place: &BackupPlace) -> (String, String) {
    (place.container.clone(), place.backup.clone())
}

fn backups(directory: &Path) -> Result<BTreeMap<(String, String), u64>> {
    let (doing, mut found) = ("reading the fake pool's backups", BTreeMap::new());
    let all = directory.join(BACKUPS);
    fs::create_dir_all(&all).doing(doing)?;
    let name = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
    for container in fs::read_dir(all).doing(doing)? {
        let container = container.doing(doing)?;
        for backup in fs::read_dir(container.path()).doing(doing)? {
            let backup = backup.doing(doing)?;
            let size = fs::read_to_string(backup.path()).doing(doing)?.parse().doing(doing)?;
            found.insert((name(&container), name(&backup)), size);
        }
    }
    Ok(found)
}

/// Written aside and renamed: a killed process leaves the old page or the new one.
fn keep(directory: &Path, id: &VolumeId, page: &Page) -> Result<()> {
    let doing = "keeping a fake volume";
    let aside = directory.join(format!("{id}.new"));
    fs::write(&aside, serde_json::to_vec(page).doing(doing)?).doing(doing)?;
    fs::rename(&aside, directory.join(format!("{id}.json"))).doing(doing)
}

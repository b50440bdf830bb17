//! The directories of a pool: its first one, and those that were added when it was full, each on a disk of its own.
//!
//! ```text
//!   <added>/area.json           {id}         so that an empty mount point is not taken for the disk that belongs there
//!   <first>/directories.json    [{dir, id}]  those added, written before anything lies in one
//!   <added>/volumes/, images/, candidates/, making/   as in the first
//! ```
//!
//! A volume lies in one of them, whole, with its snapshots: what is made of it is renamed and shares blocks within one file system.
//! A new one goes where its source is, or where most is free. A directory whose disk is away, or that the configuration no longer
//! names while volumes lie in it, keeps the pool shut: nobody may take its volumes for deleted.

use super::FileVolumesConfig;
use crate::{
    disk::{Space, space},
    ground::{Ground, names, read},
};
use kernel::{Error, Result, error::Doing};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
};

const PARTS: [&str; 2] = ["volumes", "images"];

/// A directory's own word on who it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Area {
    id: String,
}

/// One that was added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Added {
    dir: PathBuf,
    id: String,
}

/// What something is made of: where it lies, and how much room it takes there.
pub(super) struct Source {
    area: Arc<Ground>,
    bytes: u64,
}

impl Source {
    /// One that goes away meanwhile takes none.
    pub(super) fn of(area: &Arc<Ground>, file: &Path) -> Self {
        let bytes = fs::metadata(file).map_or(0, |m| m.blocks() * 512);
        Self { area: Arc::clone(area), bytes }
    }
}

/// Never empty; the first holds what is the whole pool's.
#[derive(Debug)]
pub(super) struct Areas(Vec<Arc<Ground>>);

impl Areas {
    pub(super) fn open(config: &FileVolumesConfig) -> Result<Self> {
        let first = Ground::open(&config.dir, &[PARTS[0], PARTS[1], "sockets"])?;
        let list = first.dir().join("directories.json");
        let mut known: Vec<Added> = read(&list)?.unwrap_or_default();
        let mut areas = vec![Arc::new(first)];
        for dir in &config.more {
            let at = known.iter().position(|k| k.dir == *dir);
            let area = match at {
                Some(at) => expected(dir, &known[at].id)?,
                None => fresh(dir)?,
            };
            let ground = Ground::open(dir, &PARTS)?;
            if at.is_none() {
                ground.write_record(&ground.dir().join("area.json"), &area)?;
                known.push(Added { dir: dir.clone(), id: area.id });
                areas[0].write_record(&list, &known)?;
            }
            areas.push(Arc::new(ground));
        }
        if known.len() > config.more.len() {
            forget(&mut known, &config.more)?;
            areas[0].write_record(&list, &known)?;
        }
        Ok(Self(areas))
    }

    pub(super) fn first(&self) -> &Arc<Ground> {
        &self.0[0]
    }

    pub(super) fn all(&self) -> &[Arc<Ground>] {
        &self.0
    }

    /// The one in which `part` of a pool's directory has something of this name.
    pub(super) fn holding(&self, part: &str, name: &str) -> Option<&Arc<Ground>> {
        self.0.iter().find(|area| area.dir().join(part).join(name).exists())
    }

    /// What `part` holds in all of them, sorted.
    pub(super) fn names(&self, part: &str) -> Result<Vec<String>> {
        let mut found = BTreeSet::new();
        for area in &self.0 {
            found.extend(names(&area.dir().join(part)).doing("listing a pool")?);
        }
        Ok(found.into_iter().collect())
    }

    /// Where something new is to lie: beside what it is made of if that could be there twice, or where most is free.
    pub(super) fn room(&self, beside: Option<Source>) -> Result<Arc<Ground>> {
        if let Some(Source { area, bytes }) = beside
            && !nearly_full(&area)?
            && space(area.dir())?.free > bytes
        {
            return Ok(area);
        }
        let mut best: Option<(u64, &Arc<Ground>)> = None;
        for area in &self.0 {
            let free = space(area.dir())?.free;
            if best.is_none_or(|(most, _)| free > most) {
                best = Some((free, area));
            }
        }
        Ok(Arc::clone(best.map_or(self.first(), |(_, area)| area)))
    }

    /// All of it, a file system that has two of the directories counted once.
    pub(super) fn space(&self) -> Result<Space> {
        let (mut seen, mut sum) = (BTreeSet::new(), Space { total: 0, free: 0 });
        for area in &self.0 {
            if seen.insert(fs::metadata(area.dir()).doing("measuring a pool")?.dev()) {
                let one = space(area.dir())?;
                sum = Space { total: sum.total + one.total, free: sum.free + one.free };
            }
        }
        Ok(sum)
    }
}

/// A fiftieth is left, or less.
pub(super) fn nearly_full(area: &Ground) -> Result<bool> {
    space(area.dir()).map(|space| space.free < space.total / 50)
}

fn here(dir: &Path) -> Result<Option<Area>> {
    read(&dir.join("area.json"))
}

/// One that belongs to the pool must be the one that was there.
fn expected(dir: &Path, id: &str) -> Result<Area> {
    let named = dir.display();
    match here(dir)? {
        Some(area) if area.id == id => Ok(area),
        Some(_) => {
            Err(Error::conflict(format!("{named} is not the directory that belongs to this pool: mount its disk")))
        }
        None => Err(Error::conflict(format!("{named} belongs to this pool and is empty: mount its disk"))),
    }
}

fn fresh(dir: &Path) -> Result<Area> {
    // Its word alone says little: it may have been given just before a kill.
    if here(dir)?.is_some() && !names(&dir.join("volumes")).doing("listing a directory of volumes")?.is_empty() {
        return Err(Error::conflict(format!("{} has volumes of another pool", dir.display())));
    }
    Ok(Area { id: kernel::ids::uuid_hex().to_string() })
}

/// Takes those that nobody names any more off the list, if nothing lies in them.
fn forget(known: &mut Vec<Added>, named: &[PathBuf]) -> Result<()> {
    for gone in known.iter().filter(|k| !named.contains(&k.dir)) {
        let (dir, id) = (gone.dir.display(), &gone.id);
        if expected(&gone.dir, id).is_err() || !names(&gone.dir.join("volumes")).doing("listing a pool")?.is_empty() {
            return Err(Error::conflict(format!(
                "volumes of this pool lie in {dir}, or did when it was last seen: name it again, delete or move them first"
            )));
        }
        crate::ground::remove_file(&gone.dir.join("area.json"))?;
    }
    known.retain(|k| named.contains(&k.dir));
    Ok(())
}

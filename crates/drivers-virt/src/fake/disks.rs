//! Local disks and cached images on paper, for fakes of hosts: remembers what was made, makes nothing.
//!
//! With a directory they are remembered beyond the process, as the guests of a fake hypervisor with one are.

use crate::qemu::record::{NO_SPACE, disk_error};
use async_trait::async_trait;
use compute::driver::{CachedImage, DiskFormat, DiskSource, ImageFetch, ImageSource, LocalDiskSpec, LocalDisks};
use kernel::{Error, Result, ServerId, error::Doing};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, VecDeque},
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

/// What [`FakeDisks::fail_next`] can spoil.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskCall {
    Create,
    Remove,
    Export,
    List,
}

#[derive(Clone)]
pub struct FakeDisks {
    inner: Arc<Inner>,
}

struct Inner {
    /// For scratch files, and disks.json.
    dir: PathBuf,
    kept: bool,
    state: Mutex<State>,
}

/// What is on the host.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Paper {
    /// Each server's disks by name, with the image each lies on.
    disks: BTreeMap<ServerId, BTreeMap<String, Option<String>>>,
    /// By what [`cache_name`] makes. One that was never used is no longer kept.
    images: BTreeMap<String, CachedImage>,
}

impl Paper {
    fn claimed(&self, image: &str) -> bool {
        self.disks.values().flat_map(BTreeMap::values).any(|base| base.as_deref() == Some(image))
    }

    fn use_image(&mut self, image: &ImageSource, hits: u64) {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(1, |d| d.as_secs());
        let entry = self.images.entry(cache_name(image)).or_insert_with(|| CachedImage {
            hash: image.hash.clone(),
            hash_algo: image.hash_algo.clone(),
            format: image.disk_format.clone(),
            size: image.size,
            hits: 0,
            made_at: now,
            used_at: now,
        });
        (entry.hits, entry.used_at) = (entry.hits + hits, now);
    }
}

fn cache_name(image: &ImageSource) -> String {
    format!("{}-{}-{}", image.hash_algo, image.hash, image.disk_format)
}

#[derive(Default)]
struct State {
    disks: Paper,
    spoiled: VecDeque<(DiskCall, Error)>,
}

impl FakeDisks {
    /// Disks that are forgotten with the process; `scratch` is a directory for real temporary files.
    pub fn new(scratch: impl Into<PathBuf>) -> Self {
        Self { inner: Arc::new(Inner { dir: scratch.into(), kept: false, state: Mutex::default() }) }
    }

    /// Disks that are remembered in `dir`.
    pub fn at(dir: impl Into<PathBuf>) -> Result<Self> {
        let dir = dir.into();
        fs::create_dir_all(&dir).doing("making the fake disks' directory")?;
        let disks = match fs::read(dir.join("disks.json")) {
            Ok(text) => serde_json::from_slice(&text).doing("understanding the fake disks")?,
            Err(_) => Paper::default(),
        };
        let state = Mutex::new(State { disks, ..State::default() });
        Ok(Self { inner: Arc::new(Inner { dir, kept: true, state }) })
    }

    /// The next such call fails so, and does nothing. Asked for several times, they fail in that order.
    pub fn fail_next(&self, call: DiskCall, error: Error) {
        self.inner.state.lock().spoiled.push_back((call, error));
    }

    fn meet(&self, call: DiskCall) -> Result<()> {
        let mut state = self.inner.state.lock();
        match state.spoiled.iter().position(|(spoiled, _)| *spoiled == call).and_then(|at| state.spoiled.remove(at)) {
            Some((_, error)) => Err(error),
            None => Ok(()),
        }
    }

    /// What cannot be written down has not happened.
    fn change<R>(&self, change: impl FnOnce(&mut Paper) -> R) -> Result<R> {
        let mut state = self.inner.state.lock();
        let mut disks = state.disks.clone();
        let changed = change(&mut disks);
        self.write_down(&disks)?;
        state.disks = disks;
        Ok(changed)
    }

    fn write_down(&self, disks: &Paper) -> Result<()> {
        const DOING: &str = "writing down the fake disks";
        if !self.inner.kept {
            return Ok(());
        }
        let path = self.inner.dir.join("disks.json");
        let text = serde_json::to_vec(disks).doing(DOING)?;
        let aside = path.with_extension("new");
        fs::write(&aside, text).and_then(|()| fs::rename(&aside, path)).map_err(|e| {
            let _ = fs::remove_file(aside); // half of it only takes room
            disk_error(DOING, e)
        })
    }
}

/// As the real one, which makes a path of them.
fn check_name(server: &ServerId, name: &str) -> Result<()> {
    let plain = |s: &str| !s.is_empty() && s.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    match plain(server) && plain(name) {
        true => Ok(()),
        false => Err(Error::bad_request(format!("{server:?} {name:?} cannot name a disk"))),
    }
}

#[async_trait]
impl LocalDisks for FakeDisks {
    async fn create(&self, disk: &LocalDiskSpec, _fetch: Arc<dyn ImageFetch>) -> Result<DiskSource> {
        check_name(&disk.server, &disk.name)?;
        self.meet(DiskCall::Create)?;
        self.change(|paper| {
            let known = paper.disks.entry(disk.server.clone()).or_default();
            if known.insert(disk.name.clone(), disk.base.as_ref().map(cache_name)).is_none() {
                disk.base.iter().for_each(|image| paper.use_image(image, 1));
            }
        })?;
        let path = Path::new("/fake").join(disk.server.as_str()).join(&disk.name);
        Ok(DiskSource::File { path, format: DiskFormat::Qcow2 })
    }

    async fn remove(&self, server: &ServerId) -> Result<()> {
        self.meet(DiskCall::Remove)?;
        let mut state = self.inner.state.lock();
        state.disks.disks.remove(server);
        // A full disk keeps nobody from removing: what is written down is of before then, until the next change.
        match self.write_down(&state.disks) {
            Err(e) if e.code() == Some(NO_SPACE) => Ok(()),
            done => done,
        }
    }

    async fn adopt(&self, disk: &LocalDiskSpec, from: &Path) -> Result<()> {
        check_name(&disk.server, &disk.name)?;
        self.meet(DiskCall::Create)?;
        if !from.is_file() {
            return Err(Error::internal(format!("there is no {} to make a disk of", from.display())));
        }
        self.change(|paper| {
            paper.disks.entry(disk.server.clone()).or_default().entry(disk.name.clone()).or_default();
        })
    }

    async fn keep_only(&self, server: &ServerId, names: &[String]) -> Result<()> {
        self.meet(DiskCall::Remove)?;
        let is_kept = |paper: &Paper| {
            let there = paper.disks.get(server);
            there.is_none_or(|disks| disks.keys().all(|name| names.contains(name)))
        };
        if is_kept(&self.inner.state.lock().disks) {
            return Ok(());
        }
        self.change(|paper| {
            paper.disks.entry(server.clone()).or_default().retain(|name, _| names.contains(name));
        })
    }

    async fn export(&self, server: &ServerId, name: &str, to: &Path) -> Result<()> {
        self.meet(DiskCall::Export)?;
        if !self.inner.state.lock().disks.disks.get(server).is_some_and(|names| names.contains_key(name)) {
            return Err(Error::not_found(format!("server {server} has no disk {name} here")));
        }
        super::qcow2::write_empty(to).await
    }

    async fn list(&self) -> Result<Vec<ServerId>> {
        self.meet(DiskCall::List)?;
        Ok(self.inner.state.lock().disks.disks.keys().cloned().collect())
    }

    async fn cache(&self, image: &ImageSource, _fetch: Arc<dyn ImageFetch>) -> Result<()> {
        self.change(|paper| paper.use_image(image, 0))
    }

    async fn cached(&self) -> Result<Vec<CachedImage>> {
        Ok(self.inner.state.lock().disks.images.values().filter(|image| image.used_at > 0).cloned().collect())
    }

    async fn uncache(&self, image: &ImageSource) -> Result<()> {
        let name = cache_name(image);
        self.change(|paper| {
            if !paper.claimed(&name) {
                paper.images.remove(&name);
            } else if let Some(image) = paper.images.get_mut(&name) {
                image.used_at = 0;
            }
        })
    }

    async fn prune(&self) -> Result<Vec<CachedImage>> {
        self.change(|paper| {
            let gone = |(name, image): &(&String, &CachedImage)| image.used_at == 0 && !paper.claimed(name);
            let names: Vec<String> = paper.images.iter().filter(gone).map(|(name, _)| name.clone()).collect();
            names.iter().filter_map(|name| paper.images.remove(name)).collect()
        })
    }

    fn scratch(&self) -> PathBuf {
        self.inner.dir.clone()
    }
}

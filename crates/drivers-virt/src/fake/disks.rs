//! Local disks on paper, for fakes of hosts: remembers what was made, makes nothing.
//!
//! With a directory they are remembered beyond the process, as the guests of a fake hypervisor with one are.

use crate::qemu::record::{NO_SPACE, disk_error};
use async_trait::async_trait;
use compute::driver::{DiskFormat, DiskSource, ImageFetch, LocalDiskSpec, LocalDisks};
use kernel::{Error, Result, ServerId, error::Doing};
use parking_lot::Mutex;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fs,
    path::{Path, PathBuf},
    sync::Arc,
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

/// The names of each server's disks.
type Disks = BTreeMap<ServerId, BTreeSet<String>>;

#[derive(Default)]
struct State {
    disks: Disks,
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
            Err(_) => BTreeMap::new(),
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
    fn change(&self, change: impl FnOnce(&mut Disks)) -> Result<()> {
        let mut state = self.inner.state.lock();
        let mut disks = state.disks.clone();
        change(&mut disks);
        self.write_down(&disks)?;
        state.disks = disks;
        Ok(())
    }

    fn write_down(&self, disks: &Disks) -> Result<()> {
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
        self.change(|disks| {
            disks.entry(disk.server.clone()).or_default().insert(disk.name.clone());
        })?;
        let path = Path::new("/fake").join(disk.server.as_str()).join(&disk.name);
        Ok(DiskSource::File { path, format: DiskFormat::Qcow2 })
    }

    async fn remove(&self, server: &ServerId) -> Result<()> {
        self.meet(DiskCall::Remove)?;
        let mut state = self.inner.state.lock();
        state.disks.remove(server);
        // A full disk keeps nobody from removing: what is written down is of before then, until the next change.
        match self.write_down(&state.disks) {
            Err(e) if e.code() == Some(NO_SPACE) => Ok(()),
            done => done,
        }
    }

    async fn export(&self, server: &ServerId, name: &str, to: &Path) -> Result<()> {
        self.meet(DiskCall::Export)?;
        if !self.inner.state.lock().disks.get(server).is_some_and(|names| names.contains(name)) {
            return Err(Error::not_found(format!("server {server} has no disk {name} here")));
        }
        super::qcow2::write_empty(to).await
    }

    async fn list(&self) -> Result<Vec<ServerId>> {
        self.meet(DiskCall::List)?;
        Ok(self.inner.state.lock().disks.keys().cloned().collect())
    }

    fn scratch(&self) -> PathBuf {
        self.inner.dir.clone()
    }
}

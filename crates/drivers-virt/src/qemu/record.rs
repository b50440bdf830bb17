//! What the driver keeps of one VM on disk, and where: the directory of a VM and the record in it.
//!
//! ```text
//!   <state>/vms/<server id>/
//!     spec.json     the record: generation, phase, spec          lock         held by the QEMU process as its stdin
//!     qmp.sock      the driver's monitor                         mon.sock     a monitor for people
//!     vnc.sock  serial.sock  agent.sock                          pid          QEMU's pidfile
//!     serial1.sock …         serial ports beside the console
//!     console.log (+ .1)     the guest's serial console          qemu.log     QEMU's own words
//!     config.iso  efivars.fd
//!     tpm.lock  tpm.pid  tpm.sock  tpm.log   of the emulator of its TPM, whose state is among its disks
//!     memory       of a suspended guest
//! ```
//!
//! The record is written whole (aside, synced, renamed) *before* what it announces is done, so that after a kill the next
//! driver knows what was meant:
//!
//! ```text
//!   phase on disk    QEMU lives                       QEMU is dead
//!   starting{before} wait for its monitor: on         back to `before`
//!   on               look at it                       crashed
//!   rebooting        finish the reset                 crashed
//!   stopping         end it: shutdown                 shutdown
//!   shutdown         (cannot be) end it               shutdown
//!   suspended        end it: its memory is saved      suspended
//!   crashed          (cannot be) end it               crashed
//!   arriving         look at it                       remove all
//!   destroying       end it, remove all               remove all
//! ```
//!
//! "QEMU lives" is exact: its stdin is the file `lock`, locked (flock(2)) by the driver before the fork. The lock goes when the
//! last process that inherited it is gone, so a free lock means that no QEMU of this VM runs *or is still to come*, even
//! if the driver was killed between fork and exec. Pids are only used to signal, through a pidfd.

use compute::driver::{ConfigDrive, Landing, VmSpec};
use kernel::{Error, Result, ServerId, error::Doing};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};
use tokio::task::spawn_blocking;

/// [`Error::code`] of a host whose disk is full, as drivers of disks have it.
pub const NO_SPACE: &str = "no_space";

/// The form of `spec.json`; a reader refuses a newer one.
const FORMAT: u32 = 1;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    format: u32,
    /// The newest generation acted under.
    pub generation: u64,
    pub phase: Phase,
    pub spec: VmSpec,
    /// Of a guest that arrives, once it is awaited there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub landing: Option<Landing>,
    /// The guest's file systems are held by its agent.
    #[serde(default)]
    pub held: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Starting {
        before: Before,
    },
    On,
    Rebooting,
    Stopping,
    Shutdown,
    Crashed,
    /// `memory` is whole.
    Suspended,
    /// Its memory comes from another host, where it runs.
    Arriving,
    Destroying,
}

/// What a failed or interrupted start goes back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Before {
    Absent,
    Shutdown,
    Crashed,
    Suspended,
}

impl Record {
    pub fn new(generation: u64, phase: Phase, spec: VmSpec) -> Self {
        Self { format: FORMAT, generation, phase, spec, landing: None, held: false }
    }
}

/// Paths of one VM. Sockets may be named through a shorter root, see `sockets`.
#[derive(Clone, Debug)]
pub struct VmDir {
    path: PathBuf,
    sockets: PathBuf,
}

impl VmDir {
    /// `None` for an id that is not a UUID: nothing of such a server can be here, and no path is made of it.
    pub fn new(state: &Path, sockets: &Path, server: &ServerId) -> Option<Self> {
        let dashed = server.len() == 36 && uuid::Uuid::try_parse(server).is_ok();
        let of = |root: &Path| root.join("vms").join(server.as_str());
        dashed.then(|| Self { path: of(state), sockets: of(sockets) })
    }
    pub fn path(&self) -> &Path {
        &self.path
    }
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
    pub fn socket(&self, name: &str) -> PathBuf {
        self.sockets.join(name)
    }
    pub fn qmp(&self) -> PathBuf {
        self.socket("qmp.sock")
    }
    pub fn tpm(&self) -> PathBuf {
        self.socket("tpm.sock")
    }
    pub fn vnc(&self) -> PathBuf {
        self.socket("vnc.sock")
    }
    pub fn lock(&self) -> PathBuf {
        self.file("lock")
    }
    pub fn pidfile(&self) -> PathBuf {
        self.file("pid")
    }

    /// The record, `None` if there is none. An unreadable one is an error: nothing may be concluded from it.
    pub fn read(&self) -> Result<Option<Record>> {
        let path = self.file("spec.json");
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Error::internal(format!("reading {}", path.display())).with_source(e)),
        };
        let record: Record = serde_json::from_slice(&text)
            .map_err(|e| Error::internal(format!("understanding {}", path.display())).with_source(e))?;
        if record.format > FORMAT {
            let what = format!("{} is of format {}, newer than this program knows", path.display(), record.format);
            return Err(Error::internal(what));
        }
        Ok(Some(record))
    }

    pub async fn write(&self, record: &Record) -> Result<()> {
        let text = serde_json::to_vec_pretty(record).doing("writing down a VM")?;
        self.write_file("spec.json", text).await
    }

    /// Makes a file of the VM appear whole, synced.
    pub async fn write_file(&self, name: &str, content: Vec<u8>) -> Result<()> {
        let path = self.file(name);
        let doing = format!("writing {}", path.display());
        let written = spawn_blocking(move || write_whole(&path, &content)).await.doing(&doing)?;
        written.map_err(|e| disk_error(&doing, e))
    }

    pub async fn write_config_drive(&self, drive: &ConfigDrive) -> Result<()> {
        let iso = crate::iso9660::image("config-2", &drive.files)?;
        self.write_file("config.iso", iso).await
    }

    /// Removes everything, the record last: as long as it is there, the next driver goes on removing.
    pub async fn remove(&self) -> Result<()> {
        let path = self.path.clone();
        spawn_blocking(move || remove_tree(&path))
            .await
            .doing("removing a VM's directory")?
            .doing("removing a VM's directory")
    }

    /// Sockets and the pidfile of a process that is gone.
    pub fn remove_process_files(&self) {
        let serial = ["serial.sock", "serial1.sock", "serial2.sock", "serial3.sock"];
        for name in ["qmp.sock", "mon.sock", "vnc.sock", "agent.sock", "pid"].into_iter().chain(serial) {
            let _ = fs::remove_file(self.file(name));
        }
    }

    /// The same of the emulator of its TPM.
    pub fn remove_tpm_files(&self) {
        for name in ["tpm.sock", "tpm.pid"] {
            let _ = fs::remove_file(self.file(name));
        }
    }
}

/// The reason is the operator's and the user's business when the disk is full; else the log's.
pub fn disk_error(doing: &str, e: io::Error) -> Error {
    match e.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Error::too_large("no space left on the host's disk").with_code(NO_SPACE).with_internal(doing).with_source(e)
        }
        _ => Error::internal(doing).with_source(e),
    }
}

fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let parent = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(parent)?;
    let aside = path.with_extension("new");
    let mut file = File::create(&aside)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&aside, path)?;
    File::open(parent)?.sync_all()
}

fn remove_tree(path: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_name() != "spec.json" {
            fs::remove_file(entry.path())?;
        }
    }
    fs::remove_dir_all(path)?;
    File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::plain_spec;

    #[tokio::test]
    async fn a_record_survives_and_an_unreadable_one_is_not_an_absent_one() {
        let state = tempfile::tempdir().unwrap();
        let spec = plain_spec();
        let dir = VmDir::new(state.path(), state.path(), &spec.server).unwrap();
        assert_eq!(dir.read().unwrap(), None);
        let record = Record::new(7, Phase::Starting { before: Before::Absent }, spec.clone());
        dir.write(&record).await.unwrap();
        assert_eq!(dir.read().unwrap(), Some(record.clone()));
        dir.write(&Record { format: 2, ..record }).await.unwrap();
        assert!(dir.read().unwrap_err().internal_text().contains("newer"));
        fs::write(dir.file("spec.json"), "{").unwrap();
        assert!(dir.read().is_err());
        dir.remove().await.unwrap();
        dir.remove().await.unwrap();
        assert!(!dir.path().exists());
    }

    #[test]
    fn no_path_is_made_of_a_strange_id() {
        for id in ["", "..", "../../../../etc/aaaaaaaaaaaaaaaaaaaaaaaa", "6f2b3c1a4d5e4f60aabbccddeeff0011"] {
            assert!(VmDir::new(Path::new("/s"), Path::new("/s"), &id.into()).is_none(), "{id}");
        }
    }
}

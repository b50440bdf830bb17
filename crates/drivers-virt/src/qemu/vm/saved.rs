//! A guest's memory on disk: suspended, and woken.
//!
//! ```text
//!   suspend   stop ▶ migrate to a socket of ours ▶ `memory.part` ▶ rename to `memory` ▶ phase suspended ▶ end QEMU
//!   wake      phase starting{suspended} ▶ QEMU waits for memory ▶ pour `memory` into its socket ▶ cont ▶ phase on ▶ remove `memory`
//! ```
//!
//! QEMU may start no processes, so it cannot write its state to a file by itself: the driver is at the other end of a socket.
//! The phase says whether `memory` counts: on a kill before it, the guest ran on or crashed; on one after it, it is suspended.
//! Nothing that ran on from a `memory` leaves it behind with its phase, so no guest is woken twice into one past.

use super::{Run, Vm, look};
use crate::qemu::{
    qmp::{Notice, Qmp, QmpResult},
    record::{Phase, disk_error},
    sockets,
};
use compute::driver::{Fence, VmSpec, VmState};
use kernel::{Error, Result, error::Doing};
use serde_json::json;
use std::{fs, path::PathBuf, time::Duration};
use tokio::{
    fs::File,
    io::{AsyncWriteExt, copy},
    net::UnixListener,
    time::{Instant, sleep, timeout},
};

/// Writing or reading all of a large guest's memory.
const PATIENCE: Duration = Duration::from_secs(900);
/// QEMU answers at least this often while it works; any notice is a reason to look sooner.
const LOOK: Duration = Duration::from_millis(500);

impl Vm {
    pub async fn suspend(&mut self, fence: Fence) -> Result<()> {
        self.admit(fence).await?;
        if self.state() == VmState::Suspended {
            return Ok(());
        }
        let Some(qmp) = self.monitor()?.cloned() else { return Err(self.not_running()) };
        let was = self.state();
        self.release().await;
        qmp.execute("stop", json!({})).await.map_err(|e| e.while_doing("stopping a guest to suspend it"))?;
        if let Err(e) = self.save_memory(&qmp).await {
            let _ = fs::remove_file(self.part()); // may not be there
            // Whether it can go on, QEMU knows; its next notice tells.
            if was == VmState::Running {
                let _ = qmp.execute("cont", json!({})).await;
            }
            return Err(e);
        }
        self.enter(Phase::Suspended).await?;
        self.end_process().await?;
        self.tell();
        Ok(())
    }

    async fn save_memory(&self, qmp: &Qmp) -> Result<()> {
        let socket = self.dir.socket("memory.sock");
        let _ = fs::remove_file(&socket); // of a suspend that was cut short
        let listener = UnixListener::bind(&socket).doing("listening for a guest's memory")?;
        let uri = format!("unix:{}", socket.display());
        begin_saving(qmp, &uri).await.map_err(|e| e.while_doing("saving a guest's memory"))?;
        let part = self.part();
        let receive = async {
            let (mut from, _) = listener.accept().await.doing("receiving a guest's memory")?;
            let mut file = File::create(&part).await.map_err(|e| disk_error("saving a guest's memory", e))?;
            copy(&mut from, &mut file).await.map_err(|e| disk_error("saving a guest's memory", e))?;
            file.sync_all().await.map_err(|e| disk_error("saving a guest's memory", e))
        };
        let both = async { tokio::try_join!(receive, migrated(qmp)) };
        let saved = timeout(PATIENCE, both).await;
        let _ = fs::remove_file(&socket);
        saved.map_err(|_| Error::unavailable("the guest's memory was not saved in time"))??;
        fs::rename(&part, self.memory()).map_err(|e| disk_error("saving a guest's memory", e))
    }

    /// A suspended guest goes on where it was.
    pub(super) async fn wake(&mut self, asked: &VmSpec, fence: Fence) -> Result<()> {
        let Some(mut old) = self.record.clone() else { return Err(self.not_running()) };
        let mut spec = old.spec.clone();
        for disk in &mut spec.disks {
            // The record has no keys: they come with what is asked for.
            if let Some(given) = asked.disks.iter().find(|d| d.id == disk.id) {
                disk.encryption = given.encryption.clone();
            }
        }
        if let (Some(tpm), Some(given)) = (&mut spec.hardware.tpm, &asked.hardware.tpm) {
            tpm.key.clone_from(&given.key);
        }
        self.launch(&spec, fence.generation).await?;
        match self.pour_memory().await {
            Ok(()) => {
                if let Some(guest) = &mut self.guest {
                    guest.run = Run::Running;
                }
                self.note(Phase::On).await;
                let _ = fs::remove_file(self.memory());
                self.hold_agent_channel().await;
                self.tell();
                Ok(())
            }
            Err(e) => {
                self.end_process().await?;
                old.generation = fence.generation;
                self.roll_back(Some(old)).await?;
                Err(e)
            }
        }
    }

    async fn pour_memory(&self) -> Result<()> {
        let Some(qmp) = self.monitor()?.cloned() else { return Err(self.not_running()) };
        let doing = "waking a guest";
        let socket = self.dir.socket("memory.sock");
        let _ = fs::remove_file(&socket);
        let uri = format!("unix:{}", socket.display());
        qmp.execute("migrate-incoming", json!({"uri": uri})).await.map_err(|e| e.while_doing(doing))?;
        let pour = async {
            let mut file = File::open(self.memory()).await.doing(doing)?;
            let mut to = sockets::connect(&socket).await.doing(doing)?;
            copy(&mut file, &mut to).await.doing(doing)?;
            to.shutdown().await.doing(doing)
        };
        let arrived = async {
            pour.await?;
            loop {
                let state = look::run_state(&qmp).await.map_err(|e| e.while_doing(doing))?;
                if state != "inmigrate" {
                    return Ok::<(), Error>(());
                }
                sleep(Duration::from_millis(5)).await;
            }
        };
        let poured = timeout(PATIENCE, arrived).await;
        let _ = fs::remove_file(&socket);
        poured.map_err(|_| Error::unavailable("the guest's memory was not read in time"))??;
        qmp.execute("cont", json!({})).await.map_err(|e| e.while_doing(doing))?;
        Ok(())
    }

    /// A suspended guest that is stopped, or started anew, has no past.
    pub(super) async fn forget_memory(&mut self) -> Result<()> {
        if self.state() == VmState::Suspended {
            self.enter(Phase::Shutdown).await?;
            let _ = fs::remove_file(self.memory());
            self.tell();
        }
        Ok(())
    }

    pub async fn inject_nmi(&mut self) -> Result<()> {
        let Some(qmp) = self.monitor()? else { return Err(self.not_running()) };
        let done = qmp.execute("inject-nmi", json!({})).await;
        done.map(|_| ()).map_err(|e| e.while_doing("interrupting a guest"))
    }

    fn memory(&self) -> PathBuf {
        self.dir.file("memory")
    }

    fn part(&self) -> PathBuf {
        self.dir.file("memory.part")
    }
}

/// What a way to another host, or from there, has left of its settings does not hold for the way to our socket.
async fn begin_saving(qmp: &Qmp, uri: &str) -> QmpResult<()> {
    let off = ["pause-before-switchover", "postcopy-ram"].map(|c| json!({"capability": c, "state": false}));
    qmp.execute("migrate-set-capabilities", json!({"capabilities": off})).await?;
    qmp.execute("migrate-set-parameters", json!({"tls-creds": "", "tls-hostname": ""})).await?;
    qmp.execute("migrate", json!({"uri": uri})).await.map(drop)
}

/// Waits until QEMU has sent all.
async fn migrated(qmp: &Qmp) -> Result<()> {
    let mut notices = qmp.notices();
    let begun = Instant::now();
    loop {
        let told =
            qmp.execute("query-migrate", json!({})).await.map_err(|e| e.while_doing("saving a guest's memory"))?;
        match told["status"].as_str() {
            Some("completed") => return Ok(()),
            Some("failed" | "cancelled") => {
                let why = told["error-desc"].as_str().unwrap_or("no reason");
                return Err(Error::conflict("the guest's memory cannot be saved").with_internal(why.to_owned()));
            }
            _ => {}
        }
        if let Ok(Ok(Notice::Closed)) = timeout(LOOK, notices.recv()).await {
            let after = begun.elapsed();
            return Err(Error::conflict("the guest ended while it was suspended").with_internal(format!("{after:?}")));
        }
    }
}

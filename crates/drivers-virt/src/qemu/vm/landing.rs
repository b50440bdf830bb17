//! A guest that comes from another host: QEMU waits for its memory, and serves its disks to be filled.
//!
//! ```text
//!   phase arriving ▶ start QEMU, stopped, `-incoming defer` ▶ NBD server with the local disks ▶ listen for memory ▶ landing on record
//!   land        all is loaded ▶ end the NBD server ▶ phase on                     (the guest stands still until it is told to run)
//!   post-copy   QEMU says so  ▶ end the NBD server ▶ cont ▶ phase on                               (here and not there: run)
//! ```
//!
//! Until phase `on` nothing of it counts: a driver that finds a dead guest arriving removes it. Both servers take only the host that
//! was named, by its certificate. While QEMU waits, its disks are inactive (`late-block-activate`), so that the NBD server may write
//! to them; `cont` makes them the guest's.

use super::{Run, Vm, look};
use crate::{
    key_file,
    qemu::{
        config::Crossing,
        machine::{self, disk},
        qmp::{Qmp, QmpError, QmpResult},
        record::{Phase, Record},
    },
};
use compute::driver::{Disk, DiskSource, Fence, Firmware, Landing, Then, VmSpec, VmState};
use kernel::{Error, HostName, Result, error::Doing};
use serde_json::{Value, json};
use std::{
    collections::hash_map::DefaultHasher,
    fs,
    hash::Hasher,
    io::Write,
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::{
    task::spawn_blocking,
    time::{Instant, timeout},
};

/// The TLS credentials of an arrival. They stay with the guest, which may go on to a further host: the names are not those of sending.
const CREDENTIALS: &str = "landing";
const AUTHORIZED: &str = "landing-from";
/// After the last byte was sent, until QEMU has made a guest of it.
const LOADING: Duration = Duration::from_secs(60);
/// Any notice is a reason to look sooner.
const LOOK: Duration = Duration::from_millis(5);

/// Disks that no other host can reach: they go along.
pub(super) fn travels(disk: &Disk) -> bool {
    disk.volume.is_none() && !disk.read_only
}

/// The file of a disk that is one of this host.
pub(super) fn file(disk: &Disk) -> Option<PathBuf> {
    match &disk.source {
        DiskSource::File { path, .. } => Some(path.clone()),
        _ => None,
    }
}

/// What makes a QEMU show and ask for certificates.
pub(super) fn credentials(id: &str, tls: &Path, endpoint: &str) -> Value {
    // QEMU's own look at a certificate asks for a key usage that TLS 1.3 has no use for.
    json!({"qom-type": "tls-creds-x509", "id": id, "endpoint": endpoint, "dir": tls, "verify-peer": true,
           "sanity-check": false})
}

/// An address before a port.
pub(super) fn bracketed(address: &str) -> String {
    if address.contains(':') { format!("[{address}]") } else { address.to_owned() }
}

/// `cont` and friends may come when it is not needed any more: a refusal is no failure.
pub(super) async fn tolerant(qmp: &Qmp, command: &str, arguments: Value) -> QmpResult<()> {
    match qmp.execute(command, arguments).await {
        Ok(_) | Err(QmpError::Refused { .. }) => Ok(()),
        Err(e) => Err(e),
    }
}

impl Vm {
    pub async fn receive(&mut self, spec: &VmSpec, from: &HostName, fence: Fence) -> Result<Landing> {
        self.admit(fence).await?;
        match (self.state(), self.landing()) {
            (VmState::Arriving, Some(landing)) => return Ok(landing),
            (VmState::Absent, _) => {}
            (VmState::Arriving, None) => self.erase().await?,
            _ => return Err(Error::conflict("a guest of this server is here already")),
        }
        let crossing = self.shared.config.crossing.clone();
        let crossing = crossing.ok_or_else(|| Error::conflict("this host takes no guests from others"))?;
        if machine::loses_writes(spec, self.setting().accel) {
            return Err(Error::conflict("a guest with huge pages that runs in software stays on its host"));
        }
        let mut args = machine::command_line(spec, &self.setting(), &self.dir)?;
        key_file::check(spec)?;
        let keys = key_file::of_disks(&spec.disks)?;
        args.extend(machine::key_words(&keys));
        args.extend(["-incoming", "defer", "-S"].map(str::to_owned));
        spec.nics.iter().try_for_each(machine::nic::check_tap)?;
        self.record = Some(Record::new(fence.generation, Phase::Arriving, spec.clone()));
        let opened = match self.run_qemu(spec, &args).await {
            Ok(guest) => {
                let qmp = guest.monitor.as_ref().map(|m| m.qmp.clone());
                self.guest = Some(guest);
                let qmp = qmp.ok_or_else(|| Error::unavailable("the hypervisor does not answer"))?;
                open(&qmp, spec, from, &crossing, &self.shared.tls()).await
            }
            Err(e) => Err(e),
        };
        match opened {
            Ok(landing) => {
                self.record.iter_mut().for_each(|r| r.landing = Some(landing.clone()));
                self.save().await?;
                self.tell();
                Ok(landing)
            }
            Err(e) => {
                self.seen = fence.generation;
                self.erase().await?;
                Err(e)
            }
        }
    }

    pub fn landing(&self) -> Option<Landing> {
        self.record.as_ref()?.landing.clone()
    }

    /// Nothing is written down before the guest runs: every millisecond of it is one that the guest stands still. Killed in between,
    /// the next driver finds a guest that arrives, or runs, and is asked again.
    pub async fn land(&mut self, then: Then, fence: Fence) -> Result<()> {
        self.check_fence(fence)?;
        match self.state() {
            VmState::Running | VmState::Paused => return Ok(()),
            VmState::Arriving => {}
            _ => return Err(self.not_running()),
        }
        let Some(qmp) = self.monitor()?.cloned() else { return Err(self.not_running()) };
        let (mut notices, deadline) = (qmp.notices(), Instant::now() + LOADING);
        loop {
            let state = look::run_state(&qmp).await.map_err(|e| e.while_doing("waiting for a guest to land"))?;
            if state != "inmigrate" {
                break;
            }
            if Instant::now() > deadline {
                return Err(Error::unavailable("the guest has not arrived yet"));
            }
            let _ = timeout(LOOK, notices.recv()).await;
        }
        self.record.iter_mut().for_each(|r| r.generation = fence.generation);
        let run = if then == Then::Run { Run::Running } else { Run::Paused };
        self.landed(&qmp, run).await
    }

    async fn landed(&mut self, qmp: &Qmp, run: Run) -> Result<()> {
        let doing = |e: QmpError| e.while_doing("ending what was for a guest's arrival");
        tolerant(qmp, "nbd-server-stop", json!({})).await.map_err(doing)?;
        match run {
            // Still loading, it runs as soon as it can.
            Run::Running => qmp.execute("cont", json!({})).await.map(drop),
            Run::Paused => activate(qmp, &self.dir.socket("land.sock")).await,
        }
        .map_err(doing)?;
        if run == Run::Paused
            && let Err(e) = self.keep_variables(qmp).await
        {
            tracing::warn!(server = %self.server, error = %e.internal_text(), "a hard reboot would forget what firmware keeps");
        }
        if let Some(guest) = &mut self.guest {
            guest.run = run;
        }
        self.record.iter_mut().for_each(|r| r.landing = None);
        self.note(Phase::On).await;
        self.hold_agent_channel().await;
        self.tell();
        Ok(())
    }

    /// What firmware keeps arrives in QEMU's memory, and QEMU writes it down when the guest goes on. A guest that stands still may be
    /// started anew before: it is read out, and written into the file that QEMU has open.
    async fn keep_variables(&self, qmp: &Qmp) -> Result<()> {
        const DOING: &str = "writing down what a guest's firmware keeps";
        if self.record.as_ref().is_none_or(|r| r.spec.firmware != Firmware::Uefi) {
            return Ok(());
        }
        let (vars, copy) = (self.dir.file("efivars.fd"), self.dir.file("efivars.seen"));
        let length = |path: &Path| fs::metadata(path).map(|m| m.len()).doing(DOING);
        let (code, size) = (length(&self.shared.config.uefi_code)?, length(&vars)?);
        // The chip with the code ends at 4 GiB, and this one where that begins.
        let wanted = json!({"val": (4 << 30) - code - size, "size": size, "filename": copy});
        qmp.execute("pmemsave", wanted).await.map_err(|e| e.while_doing(DOING))?;
        let write = move || {
            let content = fs::read(&copy)?;
            let mut file = fs::OpenOptions::new().write(true).open(&vars)?;
            file.write_all(&content)?;
            file.sync_data()?;
            fs::remove_file(&copy)
        };
        spawn_blocking(write).await.doing(DOING)?.doing(DOING)
    }

    /// Post-copy has begun, on one side or on the other.
    pub(super) async fn went_over(&mut self) {
        let qmp = self.monitor().ok().flatten().cloned();
        let Some(qmp) = qmp.filter(|_| self.state() == VmState::Arriving) else { return self.look_and_tell().await };
        match self.landed(&qmp, Run::Running).await {
            Ok(()) => self.announce(),
            Err(e) => tracing::warn!(server = %self.server, error = %e.internal_text(), "a guest cannot be let run"),
        }
    }

    /// Looks at a guest on its way here. From the switch to post-copy on it can run nowhere else.
    pub(super) async fn look_for_arrival(&mut self, qmp: &Qmp) -> Result<()> {
        let told = qmp.execute("query-migrate", json!({})).await;
        let told = told.map_err(|e| e.while_doing("looking for a guest that arrives"))?;
        match told["status"].as_str() {
            Some("postcopy-active") => self.landed(qmp, Run::Running).await,
            _ => Ok(()),
        }
    }
}

/// Makes the disks of a guest that stands still its own, as `cont` would. A guest that leaves again with inactive ones brings its QEMU
/// down (up to 9.2: an assertion of `bdrv_inactivate_all`). Before there was a command for it (`blockdev-set-active`, 10.0), an export
/// is what makes a node active; nobody ever asks for these.
async fn activate(qmp: &Qmp, socket: &Path) -> QmpResult<()> {
    match qmp.execute("blockdev-set-active", json!({"active": true})).await {
        Err(QmpError::Refused { class, .. }) if class == "CommandNotFound" => {}
        other => return other.map(drop),
    }
    tolerant(qmp, "nbd-server-stop", json!({})).await?;
    let _ = fs::remove_file(socket);
    let at = json!({"type": "unix", "data": {"path": socket}});
    qmp.execute("nbd-server-start", json!({"addr": at})).await?;
    let devices = qmp.execute("query-block", json!({})).await?;
    let nodes = devices.as_array().into_iter().flatten().filter_map(|d| d["inserted"]["node-name"].as_str());
    for (n, node) in nodes.enumerate() {
        let id = format!("land{n}");
        let export = json!({"type": "nbd", "id": id, "node-name": node, "name": id, "writable": false});
        qmp.execute("block-export-add", export).await?;
    }
    tolerant(qmp, "nbd-server-stop", json!({})).await?;
    let _ = fs::remove_file(socket);
    Ok(())
}

/// Opens both ways in.
async fn open(qmp: &Qmp, spec: &VmSpec, from: &HostName, crossing: &Crossing, tls: &Path) -> Result<Landing> {
    let doing = |e: QmpError| e.while_doing("making ready for a guest from another host");
    qmp.execute("object-add", credentials(CREDENTIALS, tls, "server")).await.map_err(doing)?;
    let only = json!({"qom-type": "authz-simple", "id": AUTHORIZED, "identity": format!("CN={from}")});
    qmp.execute("object-add", only).await.map_err(doing)?;
    set_capabilities(qmp, &["events", "late-block-activate", "postcopy-ram"]).await.map_err(doing)?;
    let parameters = json!({"tls-creds": CREDENTIALS, "tls-authz": AUTHORIZED});
    qmp.execute("migrate-set-parameters", parameters).await.map_err(doing)?;
    let ports = candidates(crossing, spec.server.as_str());
    let coming: Vec<&Disk> = spec.disks.iter().filter(|d| travels(d)).collect();
    let disks = match coming.is_empty() {
        true => None,
        false => Some(listen(qmp, &ports, |port| serve_disks(crossing.address, port)).await.map_err(doing)?),
    };
    for disk in coming {
        let export = json!({"type": "nbd", "id": format!("arrive{}", disk.slot), "node-name": disk::format_node(disk),
                            "name": disk.id, "writable": true});
        qmp.execute("block-export-add", export).await.map_err(doing)?;
    }
    let memory = listen(qmp, &ports, |port| await_memory(crossing.address, port)).await.map_err(doing)?;
    Ok(Landing { host: crossing.name.clone(), address: crossing.address.to_string(), memory, disks })
}

pub(super) async fn set_capabilities(qmp: &Qmp, on: &[&str]) -> QmpResult<()> {
    let all: Vec<_> = on.iter().map(|c| json!({"capability": c, "state": true})).collect();
    qmp.execute("migrate-set-capabilities", json!({"capabilities": all})).await.map(drop)
}

fn serve_disks(address: IpAddr, port: u16) -> (&'static str, Value) {
    let at = json!({"type": "inet", "data": {"host": address.to_string(), "port": port.to_string()}});
    ("nbd-server-start", json!({"addr": at, "tls-creds": CREDENTIALS, "tls-authz": AUTHORIZED}))
}

fn await_memory(address: IpAddr, port: u16) -> (&'static str, Value) {
    ("migrate-incoming", json!({"uri": format!("tcp:{}:{port}", bracketed(&address.to_string()))}))
}

/// All ports of the range, from one on that is likely to be free.
fn candidates(crossing: &Crossing, server: &str) -> Vec<u16> {
    let mut hasher = DefaultHasher::new();
    hasher.write(server.as_bytes());
    let mut ports: Vec<u16> = crossing.ports.clone().collect();
    let begin = usize::try_from(hasher.finish() % ports.len().max(1) as u64).unwrap_or(0);
    ports.rotate_left(begin);
    ports
}

/// Has QEMU listen on the first port that nobody else has.
async fn listen(qmp: &Qmp, ports: &[u16], command: impl Fn(u16) -> (&'static str, Value)) -> QmpResult<u16> {
    let mut last = None;
    for port in ports {
        let (name, arguments) = command(*port);
        match qmp.execute(name, arguments).await {
            Ok(_) => return Ok(*port),
            Err(QmpError::Refused { desc, command, class }) if desc.contains("in use") => {
                last = Some(QmpError::Refused { desc, command, class });
            }
            Err(e) => return Err(e),
        }
    }
    let none = || QmpError::Refused { command: "listen".into(), class: String::new(), desc: "no port is given".into() };
    Err(last.unwrap_or_else(none))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_all_tried_and_begin_elsewhere() {
        let crossing =
            |ports| Crossing { name: "h".into(), address: [127, 0, 0, 1].into(), ports, identity: "/".into() };
        let all = candidates(&crossing(100..=109), "a");
        let mut sorted = all.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (100..=109).collect::<Vec<_>>());
        let begins: std::collections::BTreeSet<u16> =
            (0..40).map(|n| candidates(&crossing(100..=109), &n.to_string())[0]).collect();
        assert!(begins.len() > 3, "{begins:?}");
        assert_eq!(candidates(&crossing(7..=7), "a"), [7]);
        assert_eq!((bracketed("::1"), bracketed("10.0.0.1")), ("[::1]".into(), "10.0.0.1".into()));
    }
}

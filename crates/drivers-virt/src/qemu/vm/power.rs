//! Start, stop, reboot, pause, resume, destroy.

use super::{Guest, HANG_UP, Monitor, Run, Vm, crossing, look, moving, pins};
use crate::{
    key_file,
    qemu::{
        host, machine,
        process::{self, Lock, Part, Process},
        qmp::{Qmp, QmpError},
        record::{Before, NO_SPACE, Phase, Record, disk_error},
    },
};
use compute::driver::{Fence, Firmware, RebootMode, StopMode, VmSpec, VmState};
use kernel::{Error, Result, error::Doing};
use serde_json::json;
use std::{io, time::Duration};
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// A guest that is still booting does not hear its power button: it is pressed again.
const PRESS_AGAIN: Duration = Duration::from_secs(10);
/// SIGKILL takes effect at once, unless the kernel is in the middle of I/O for the process.
const KILL_PATIENCE: Duration = Duration::from_secs(30);

/// How asking a guest to power off went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    PoweredOff,
    StillOn,
    /// An urgent call waits.
    Hurried,
}

impl Vm {
    pub async fn start(&mut self, spec: &VmSpec, fence: Fence) -> Result<()> {
        self.admit(fence).await?;
        match self.state() {
            VmState::Running => Ok(()),
            VmState::Paused => Err(Error::conflict("the guest is paused: resume it instead of starting it")),
            VmState::Suspended => self.wake(spec, fence).await,
            VmState::Arriving => Err(Error::conflict("the guest is awaited from another host")),
            VmState::Absent | VmState::Shutdown | VmState::Crashed => self.launch(spec, fence.generation).await,
        }
    }

    pub async fn stop(&mut self, mode: StopMode, fence: Fence) -> Result<()> {
        match self.admit(fence).await {
            // The generation is known to this driver at least; nobody's guest goes on for want of a block on the disk.
            Err(e) if e.code() == Some(NO_SPACE) => {}
            admitted => admitted?,
        }
        if self.guest.is_none() {
            return self.forget_memory().await;
        }
        if let StopMode::Graceful { timeout } = mode
            && self.is_running()
        {
            self.power_down(timeout).await;
        }
        self.note(Phase::Stopping).await;
        self.end_process().await?;
        self.note(Phase::Shutdown).await;
        self.tell();
        Ok(())
    }

    pub async fn reboot(&mut self, spec: &VmSpec, mode: RebootMode, fence: Fence) -> Result<()> {
        self.admit(fence).await?;
        // Before the guest is lost for a spec that cannot be started.
        machine::check(spec, &self.setting())?;
        if let RebootMode::Soft { timeout } = mode
            && self.is_running()
            && self.soft_reboot(timeout).await?
        {
            return Ok(());
        }
        key_file::check(spec)?;
        if self.guest.is_some() {
            self.enter(Phase::Stopping).await?;
            self.end_process().await?;
            self.note(Phase::Shutdown).await;
        }
        self.forget_memory().await?;
        self.launch(spec, fence.generation).await
    }

    pub async fn pause(&mut self, fence: Fence) -> Result<()> {
        self.admit(fence).await?;
        if let Some(qmp) = self.monitor()? {
            // It stands still for longer than for a disk's sake.
            moving::forget_hold(qmp).await.map_err(|e| e.while_doing("pausing a guest"))?;
        }
        self.hold("stop", Run::Paused).await
    }

    pub async fn resume(&mut self, fence: Fence) -> Result<()> {
        self.admit(fence).await?;
        if let Some(qmp) = self.monitor()?
            && crossing::is_elsewhere(qmp).await.map_err(|e| e.while_doing("resuming a guest"))?
        {
            return Err(Error::conflict("the guest has gone to another host"));
        }
        if let Some(qmp) = self.monitor()?
            && moving::is_held(qmp).await.map_err(|e| e.while_doing("resuming a guest"))?
        {
            // Who holds it lets it go.
            return Ok(());
        }
        self.hold("cont", Run::Running).await
    }

    async fn hold(&mut self, command: &str, run: Run) -> Result<()> {
        let Some(qmp) = self.monitor()?.cloned() else {
            return Err(self.not_running());
        };
        qmp.execute(command, json!({})).await.map_err(|e| e.while_doing("pausing or resuming a guest"))?;
        if let Some(guest) = &mut self.guest {
            guest.run = run;
        }
        self.tell();
        Ok(())
    }

    pub(super) fn not_running(&self) -> Error {
        match self.record {
            None => Error::not_found(format!("there is no guest of server {} here", self.server)),
            Some(_) => Error::conflict("the guest does not run"),
        }
    }

    pub async fn destroy(&mut self, fence: Fence) -> Result<()> {
        // Also what is broken can be removed; then its process is found by its lock and command line.
        self.check_fence(fence)?;
        self.seen = fence.generation;
        if let Some(record) = &mut self.record {
            record.generation = fence.generation;
            // A full disk must not keep anybody from freeing it.
            self.note(Phase::Destroying).await;
        }
        self.erase().await
    }

    /// Ends the process and removes all that the driver keeps of the VM.
    pub(super) async fn erase(&mut self) -> Result<()> {
        self.end_process().await?;
        self.dir.remove().await?;
        self.record = None;
        self.broken = None;
        self.tell();
        Ok(())
    }

    /// Presses the power button and waits for the guest to be off.
    async fn power_down(&mut self, patience: Duration) -> Asked {
        let Some(guest) = &self.guest else { return Asked::PoweredOff };
        let Some(monitor) = &guest.monitor else { return Asked::StillOn };
        let (qmp, mut notices) = (monitor.qmp.clone(), monitor.qmp.notices());
        let deadline = Instant::now() + patience;
        let mut press = Instant::now();
        loop {
            if Instant::now() >= press {
                if let Err(e) = qmp.execute("system_powerdown", json!({})).await {
                    tracing::warn!(server = %self.server, error = %e, "cannot press a guest's power button");
                }
                press = Instant::now() + PRESS_AGAIN;
            }
            // Whatever QEMU says is a reason to ask.
            tokio::select! {
                _ = notices.recv() => {}
                () = guest.process.exited() => return Asked::PoweredOff,
                () = sleep_until(press.min(deadline)) => {}
                () = self.hurried() => return Asked::Hurried,
            }
            match look::run_state(&qmp).await {
                Ok(state) if state == "shutdown" => return Asked::PoweredOff,
                Err(QmpError::Closed { .. }) => {
                    // The end of the process follows, and says more.
                    let gone = guest.process.exits_within(HANG_UP).await;
                    return if gone { Asked::PoweredOff } else { Asked::StillOn };
                }
                _ if Instant::now() >= deadline => return Asked::StillOn,
                _ => {}
            }
        }
    }

    /// The guest shuts itself down and starts again in the same QEMU. `false`: it did not within its time.
    async fn soft_reboot(&mut self, patience: Duration) -> Result<bool> {
        let Some(qmp) = self.monitor()?.cloned() else { return Ok(false) };
        self.enter(Phase::Rebooting).await?;
        match self.power_down(patience).await {
            Asked::StillOn => Ok(false),
            Asked::Hurried => {
                self.note(Phase::On).await;
                Err(Error::conflict("the reboot gave way to a later call"))
            }
            Asked::PoweredOff => match self.reset(&qmp).await {
                Ok(()) => Ok(true),
                Err(e) => {
                    tracing::warn!(server = %self.server, error = %e.internal_text(), "cannot reset a guest, starting it anew");
                    Ok(false)
                }
            },
        }
    }

    /// From powered off to running, in the same process.
    pub(super) async fn reset(&mut self, qmp: &Qmp) -> Result<()> {
        for command in ["system_reset", "cont"] {
            qmp.execute(command, json!({})).await.map_err(|e| e.while_doing("resetting a guest"))?;
        }
        if let Some(guest) = &mut self.guest {
            guest.run = Run::Running;
        }
        self.record.iter_mut().for_each(|r| r.held = false);
        self.note(Phase::On).await;
        self.tell();
        Ok(())
    }

    /// Makes the guest run from nothing. An error leaves nothing behind, unless it is `Unavailable`.
    pub(super) async fn launch(&mut self, spec: &VmSpec, generation: u64) -> Result<()> {
        let mut args = machine::command_line(spec, &self.setting(), &self.dir)?;
        // QEMU reads them while it starts; they go when it has.
        key_file::check(spec)?;
        let keys = key_file::of_disks(&spec.disks)?;
        args.extend(machine::key_words(&keys));
        spec.nics.iter().try_for_each(machine::nic::check_tap)?;
        let old = self.record.take();
        let before = match old.as_ref().map(|r| r.phase) {
            None => Before::Absent,
            Some(Phase::Crashed) => Before::Crashed,
            Some(Phase::Suspended) => Before::Suspended,
            Some(_) => Before::Shutdown,
        };
        if before == Before::Suspended {
            args.extend(["-incoming".to_owned(), "defer".to_owned()]);
        }
        self.record = Some(Record::new(generation, Phase::Starting { before }, spec.clone()));
        match self.run_qemu(spec, &args).await {
            Ok(guest) => {
                self.guest = Some(guest);
                if before == Before::Suspended {
                    return Ok(());
                }
                self.note(Phase::On).await;
                self.hold_agent_channel().await;
                self.tell();
                Ok(())
            }
            Err(e) => {
                process::sweep_part(&self.dir, Part::Qemu, KILL_PATIENCE).await?;
                self.end_tpm().await?;
                self.shared.cgroups.leave(&self.server).await;
                let old = old.map(|mut record| {
                    record.generation = generation;
                    record
                });
                self.roll_back(old).await?;
                Err(e)
            }
        }
    }

    /// Takes back the record of a start that failed.
    pub(super) async fn roll_back(&mut self, old: Option<Record>) -> Result<()> {
        match old {
            None => {
                self.seen = self.generation();
                self.record = None;
                self.dir.remove().await?;
            }
            Some(old) => {
                self.record = Some(old);
                self.save().await?;
            }
        }
        self.tell();
        Ok(())
    }

    /// Forks QEMU and waits until its monitor answers.
    pub(super) async fn run_qemu(&mut self, spec: &VmSpec, args: &[String]) -> Result<Guest> {
        self.save().await?;
        if let Some(drive) = &spec.config_drive {
            self.dir.write_config_drive(drive).await?;
        }
        self.firmware_variables(spec).await?;
        let lock = match process::try_lock(&self.dir, Part::Qemu)? {
            Lock::Free(lock) => lock,
            Lock::Held => {
                process::sweep(&self.dir, KILL_PATIENCE).await?;
                match process::try_lock(&self.dir, Part::Qemu)? {
                    Lock::Free(lock) => lock,
                    Lock::Held => return Err(Error::unavailable("another process of the server is still there")),
                }
            }
        };
        self.dir.remove_process_files();
        self.start_tpm(spec).await?;
        let said = process::log_length(&self.dir, Part::Qemu);
        let process = process::launch(&self.dir, Part::Qemu, &self.shared.config.binary, args, lock)?;
        let deadline = Instant::now() + self.shared.config.start_patience;
        let monitor = match self.comes_up(&process, deadline).await {
            Ok(monitor) => monitor,
            Err(_) if process.exits_within(HANG_UP).await => {
                return Err(start_failed(&process::log_since(&self.dir, Part::Qemu, said)));
            }
            Err(e) => return Err(e),
        };
        self.hold_to(spec, process.pid(), &monitor.qmp).await?;
        Ok(Guest { process, monitor: Some(monitor), agent: None, held_until: None, run: Run::Running })
    }

    /// Binds a guest's threads to their processors, and to their share of them.
    pub(super) async fn hold_to(&self, spec: &VmSpec, pid: i32, qmp: &Qmp) -> Result<()> {
        let threads = pins::vcpu_threads(qmp).await?;
        pins::pin(spec, &host::shared_processors(&self.shared.config), pid, &threads)?;
        let (waiting, realtime) = pins::by_class(spec, &threads);
        let cgroups = &self.shared.cgroups;
        if let Err(e) = cgroups.enter(spec, pid, &waiting, &realtime) {
            tracing::warn!(server = %self.server, error = %e, "a guest runs without its CPU limits");
        }
        cgroups.leave_for_real_time(&realtime).doing("taking vCPUs out of their control group")?;
        pins::hurry(&realtime).await
    }

    /// Waits until QEMU has made all devices and lets the guest run. That its monitor answers is not enough: it may do so
    /// while a disk is still being opened.
    pub(super) async fn comes_up(&self, process: &Process, deadline: Instant) -> Result<Monitor> {
        let up = async {
            let monitor = self.first_answer(deadline).await?;
            loop {
                let state =
                    look::run_state(&monitor.qmp).await.map_err(|e| e.while_doing("waiting for QEMU to come up"))?;
                if state != "prelaunch" {
                    return Ok(monitor);
                }
                if Instant::now() > deadline {
                    return Err(Error::internal("waiting for QEMU to come up"));
                }
                sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            monitor = up => monitor,
            () = process.exited() => Err(Error::internal("QEMU ended while it came up")),
        }
    }

    pub(super) async fn first_answer(&self, deadline: Instant) -> Result<Monitor> {
        let mut pause = Duration::from_millis(5);
        loop {
            match Monitor::connect(&self.dir.qmp(), deadline, self.shared.config.monitor_patience).await {
                Ok(monitor) => return Ok(monitor),
                Err(QmpError::Io(e)) if look::not_yet(&e) && Instant::now() < deadline => {
                    sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_millis(20));
                }
                Err(e) => return Err(Error::internal("waiting for QEMU to come up").with_source(e)),
            }
        }
    }

    /// UEFI keeps its settings in a file of each guest's own, made once.
    async fn firmware_variables(&self, spec: &VmSpec) -> Result<()> {
        if spec.firmware != Firmware::Uefi || self.dir.file("efivars.fd").exists() {
            return Ok(());
        }
        let config = &self.shared.config;
        let template = tokio::fs::read(&config.uefi_vars).await;
        let missing = |e: io::Error| {
            Error::conflict("UEFI firmware is not installed on this host")
                .with_internal(format!("reading {}", config.uefi_vars.display()))
                .with_source(e)
        };
        self.dir.write_file("efivars.fd", template.map_err(missing)?).await
    }

    /// Ends QEMU, politely first so that it flushes its disks, and returns when nothing of it is left.
    pub(super) async fn end_process(&mut self) -> Result<()> {
        let patience = self.shared.config.quit_patience;
        if let Some(guest) = &self.guest {
            let asked = guest.monitor.as_ref().map(|monitor| timeout(patience, monitor.qmp.execute("quit", json!({}))));
            // No answer is an answer too: then it is killed. A connection that ends instead of one is that of a QEMU that ends.
            let answered = match asked {
                Some(asked) => asked.await.is_ok(),
                None => false,
            };
            if !answered || !guest.process.exits_within(patience).await {
                tracing::warn!(server = %self.server, pid = guest.process.pid(), "QEMU does not quit, killing it");
                guest.process.kill();
                guest.process.exits_within(KILL_PATIENCE).await;
            }
        }
        // Only a free lock says that nothing is left; until then the guest counts as there.
        process::sweep_part(&self.dir, Part::Qemu, KILL_PATIENCE).await?;
        self.end_tpm().await?;
        self.guest = None;
        self.shared.cgroups.leave(&self.server).await;
        Ok(())
    }
}

/// QEMU ended during its start; its own words say why.
fn start_failed(said: &str) -> Error {
    let lower = said.to_ascii_lowercase();
    if lower.contains("no space left") {
        return disk_error("starting QEMU", io::ErrorKind::StorageFull.into()).with_internal(said.to_owned());
    }
    if lower.contains("locking memory failed") || lower.contains("mlock") {
        let why = "the host does not let QEMU lock the guest's memory: it needs CAP_IPC_LOCK, and as much memory free";
        return Error::conflict(why).with_internal(said.to_owned());
    }
    if lower.contains("cannot allocate memory") || lower.contains("cannot set up guest memory") {
        return Error::conflict("the host has not enough memory for the guest").with_internal(said.to_owned());
    }
    Error::internal(format!("starting QEMU: it ended and said: {said}"))
}

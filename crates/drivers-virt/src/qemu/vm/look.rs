//! Seeing what became of a guest, by asking QEMU, and drawing the conclusions.
//!
//! ```text
//!   QEMU says            while            then
//!   running              any              Running
//!   paused               held (`moving`)  Running
//!   paused, io-error     any              Paused
//!   shutdown             rebooting        reset it, go on                      (a reboot cut short by a restart of the driver)
//!   shutdown             else             the guest powered off: end QEMU, Shutdown
//!   internal-error       any              the guest cannot go on: end QEMU, Crashed
//!   postmigrate          any              Paused: it is on another host
//!   prelaunch            any              reset but not yet running: go on
//!   (process is gone)    any              Shutdown if the guest, or its watchdog, was seen to power off, else Crashed
//! ```

use super::{Guest, HANG_UP, Happening, Monitor, Run, Vm, moving};
use crate::console;
use crate::qemu::{
    process::{Part, sweep_part},
    qmp::{Notice, Qmp, QmpResult},
    record::Phase,
};
use compute::driver::VmState;
use kernel::Result;
use serde_json::{Value, json};
use std::{io, time::Duration};
use tokio::{task::spawn_blocking, time::Instant};

impl Vm {
    pub(super) async fn react(&mut self, happening: Happening) {
        match happening {
            Happening::Exited => self.died().await,
            Happening::Noticed(Notice::Closed) => self.hung_up().await,
            Happening::Lagged => self.look_and_tell().await,
            Happening::Noticed(Notice::Event { name, data }) => match name.as_str() {
                // Said but for a moment, if little is left to come: a look may be too late to see it.
                "MIGRATION" if data["status"] == "postcopy-active" => self.went_over().await,
                "SHUTDOWN" | "STOP" | "RESUME" | "RESET" | "GUEST_PANICKED" | "MIGRATION" => self.look_and_tell().await,
                // QEMU ends of itself now, and it is no accident.
                "WATCHDOG" if data["action"] == "poweroff" => self.note(Phase::Stopping).await,
                "DEVICE_DELETED" => {
                    if let Some(device) = data["device"].as_str() {
                        self.let_go(device).await;
                    }
                }
                "BLOCK_IO_ERROR" => {
                    let reason = data["reason"].as_str().unwrap_or_default();
                    tracing::warn!(server = %self.server, device = %data["qom-path"], reason, "a guest's disk failed");
                }
                _ => {}
            },
        }
    }

    /// Looks, and announces what is new.
    pub(super) async fn look_and_tell(&mut self) {
        let before = self.state();
        match self.look().await {
            Ok(()) if self.state() != before => self.announce(),
            Ok(()) => {}
            // Nothing is known, so nothing is concluded; the next notice or the process's end brings us back.
            Err(e) => tracing::warn!(server = %self.server, error = %e.internal_text(), "cannot look at a guest"),
        }
    }

    pub(super) async fn look(&mut self) -> Result<()> {
        let Some(qmp) = self.monitor()?.cloned() else { return Ok(()) };
        if self.state() == VmState::Arriving {
            return self.look_for_arrival(&qmp).await;
        }
        let status = run_state(&qmp).await.map_err(|e| e.while_doing("asking QEMU for the guest's state"))?;
        let phase = self.record.as_ref().map(|r| r.phase);
        match status.as_str() {
            "shutdown" if phase == Some(Phase::Rebooting) => self.reset(&qmp).await,
            "shutdown" => {
                self.note(Phase::Stopping).await;
                self.end_process().await?;
                self.note(Phase::Shutdown).await;
                self.tell();
                Ok(())
            }
            "internal-error" => {
                self.note(Phase::Crashed).await;
                self.end_process().await?;
                self.tell();
                Ok(())
            }
            "prelaunch" => {
                qmp.execute("cont", json!({})).await.map_err(|e| e.while_doing("letting a reset guest run"))?;
                self.ran(Run::Running);
                Ok(())
            }
            // For a moment, by the driver and nobody else.
            "paused"
                if moving::is_held(&qmp).await.map_err(|e| e.while_doing("asking why a guest stands still"))? =>
            {
                self.ran(Run::Running);
                Ok(())
            }
            // After migration it is another host's.
            "paused" | "io-error" | "watchdog" | "guest-panicked" | "postmigrate" => {
                self.ran(Run::Paused);
                Ok(())
            }
            _ => {
                self.ran(Run::Running);
                Ok(())
            }
        }
    }

    fn ran(&mut self, run: Run) {
        if let Some(guest) = &mut self.guest {
            guest.run = run;
        }
        self.tell();
    }

    /// The process is gone.
    async fn died(&mut self) {
        if self.state() == VmState::Arriving {
            if let Err(e) = self.erase().await {
                tracing::error!(server = %self.server, error = %e.internal_text(), "what did not arrive cannot be removed");
            }
            return self.announce();
        }
        let Some(mut guest) = self.guest.take() else { return };
        let powered_off = guest.monitor.as_mut().is_some_and(Monitor::saw_power_off) || self.is_stopping();
        let last = if powered_off { Phase::Shutdown } else { Phase::Crashed };
        let ended = sweep_part(&self.dir, Part::Qemu, self.shared.config.quit_patience).await;
        if let Err(e) = ended.and(self.end_tpm().await) {
            tracing::error!(server = %self.server, error = %e.internal_text(), "something of an ended guest goes on");
        }
        self.shared.cgroups.leave(&self.server).await;
        self.note(last).await;
        self.announce();
    }

    fn is_stopping(&self) -> bool {
        self.record.as_ref().is_some_and(|r| r.phase == Phase::Stopping)
    }

    async fn hung_up(&mut self) {
        let Some(guest) = &mut self.guest else { return };
        if guest.process.exits_within(HANG_UP).await {
            return self.died().await;
        }
        // It lives: the monitor's connection was lost for another reason. Upkeep connects again.
        guest.monitor = None;
        self.tell();
        self.reconnect().await;
    }

    async fn reconnect(&mut self) {
        let Some(guest) = &mut self.guest else { return };
        let deadline = Instant::now() + HANG_UP;
        match Monitor::connect(&self.dir.qmp(), deadline, self.shared.config.monitor_patience).await {
            Ok(monitor) => {
                guest.monitor = Some(monitor);
                self.tell();
                self.look_and_tell().await;
            }
            Err(e) => tracing::warn!(server = %self.server, error = %e, "QEMU lives but does not answer"),
        }
    }

    pub(super) async fn upkeep(&mut self) {
        if self.broken.is_some() {
            return self.adopt().await;
        }
        match &self.guest {
            None => return,
            Some(Guest { monitor: None, .. }) => self.reconnect().await,
            Some(_) => {}
        }
        self.release_in_time().await;
        self.hold_agent_channel().await;
        let limit = self.shared.config.console_limit;
        let (log, words) = (self.dir.file("console.log"), self.dir.file("qemu.log"));
        let rotated = spawn_blocking(move || {
            console::rotate(&log, limit)?;
            console::rotate(&words, limit)
        });
        if let Ok(Err(e)) = rotated.await {
            tracing::warn!(server = %self.server, error = %e, "cannot cut a console log");
        }
    }

    pub(super) fn is_running(&self) -> bool {
        self.state() == VmState::Running
    }
}

impl Monitor {
    pub(super) async fn connect(path: &std::path::Path, deadline: Instant, patience: Duration) -> QmpResult<Self> {
        let (qmp, notices) = Qmp::connect(path, deadline, patience).await?;
        Ok(Self { qmp, notices })
    }

    /// Reads what is left of QEMU's words: did the guest power off?
    fn saw_power_off(&mut self) -> bool {
        let mut seen = false;
        while let Ok(notice) = self.notices.try_recv() {
            if let Notice::Event { name, data } = notice {
                seen |= name == "SHUTDOWN" && data["guest"] == Value::Bool(true);
                seen |= name == "WATCHDOG" && data["action"] == "poweroff";
            }
        }
        seen
    }
}

/// QEMU's word for how the guest is.
pub(super) async fn run_state(qmp: &Qmp) -> QmpResult<String> {
    let status = qmp.execute("query-status", json!({})).await?;
    Ok(status["status"].as_str().unwrap_or_default().to_owned())
}

/// An error that goes away by itself while a process starts: its socket is not there yet.
pub(super) fn not_yet(e: &io::Error) -> bool {
    matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

//! One process of Open vSwitch or OVN: started, adopted if it runs already, watched, stopped.
//!
//! ```text
//!            pidfile names a live process with our command line
//!   ensure ──────────────────────────────────────────────────────▶ adopted
//!      └── otherwise: start; it detaches, writes the pidfile ────▶ started
//!   died:   its own monitor restarts it after a crash (the pidfile then names the new one), we after anything else
//! ```
//!
//! The process belongs to nobody: it goes on when we end, and whoever comes next adopts it. A process is known by the path
//! of its pidfile on its command line, so a recycled pid is never taken for it. Two starters at once do no harm: the daemon
//! locks its pidfile, and the second one ends with an error that `ensure` answers by looking again.

use crate::netns::Netns;
use kernel::{Error, Result, error::Doing};
use rustix::{
    fd::OwnedFd,
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::{
    io::{Interest, unix::AsyncFd},
    time::{sleep, timeout},
};

/// A log longer than this is put aside when its process is started.
const LOG_LIMIT: u64 = 16 << 20;

#[derive(Clone, Debug)]
pub struct Daemon {
    pub program: &'static str,
    /// The base name of its files.
    pub name: &'static str,
    pub dir: PathBuf,
    pub netns: Netns,
    /// Without those that concern pidfile, log and detaching.
    pub arguments: Vec<String>,
    /// False for programs that take no `--unixctl` (ovn-controller names its socket itself).
    pub has_control: bool,
}

/// A live process; stays the same one even if its pid is used again.
#[derive(Debug)]
pub struct Process {
    pub pid: i32,
    fd: OwnedFd,
}

impl Process {
    /// Waits for its end.
    pub async fn ended(self) -> Result<()> {
        #[expect(deprecated, reason = "deprecated for types that lie about their descriptor; an OwnedFd does not")]
        let fd = AsyncFd::with_interest(self.fd, Interest::READABLE).doing("watching a process")?;
        fd.readable().await.doing("watching a process").map(|_| ())
    }
}

impl Daemon {
    pub fn pidfile(&self) -> PathBuf {
        self.dir.join(format!("{}.pid", self.name))
    }
    pub fn log(&self) -> PathBuf {
        self.dir.join(format!("{}.log", self.name))
    }
    /// Where the running process takes commands.
    pub fn control(&self) -> Option<PathBuf> {
        if self.has_control {
            return Some(self.dir.join(format!("{}.ctl", self.name)));
        }
        self.running().map(|p| self.dir.join(format!("{}.{}.ctl", self.name, p.pid)))
    }

    pub fn running(&self) -> Option<Process> {
        let pid = self.recorded_pid()?;
        let fd = pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()?;
        // Looked at after the fd was opened: what is read now is of the process that the fd names, or it has ended.
        self.is_ours(pid).then_some(Process { pid, fd })
    }

    fn is_ours(&self, pid: i32) -> bool {
        let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let wanted = format!("--pidfile={}", self.pidfile().display());
        command.split(|b| *b == 0).any(|word| word == wanted.as_bytes())
    }

    /// The process that restarts this one if it crashes. It says so in its title, while it waits to restart it as well.
    fn monitor_of(&self, pid: i32) -> Option<Process> {
        let title = format!("{}: monitoring pid {pid} ", self.program);
        let is_it =
            |pid: i32| std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|c| c.starts_with(title.as_bytes()));
        let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let monitor = entries.filter_map(|e| e.file_name().to_str()?.parse().ok()).find(|pid| is_it(*pid))?;
        let fd = pidfd_open(Pid::from_raw(monitor)?, PidfdFlags::empty()).ok()?;
        is_it(monitor).then_some(Process { pid: monitor, fd })
    }

    fn recorded_pid(&self) -> Option<i32> {
        std::fs::read_to_string(self.pidfile()).ok()?.trim().parse().ok()
    }

    /// True if it had to be started.
    pub async fn ensure(&self) -> Result<bool> {
        if self.running().is_some() {
            return Ok(false);
        }
        let Err(error) = self.start().await else { return Ok(true) };
        // Its own monitor, or another process of ours, may have been quicker.
        if self.running().is_some() { Ok(false) } else { Err(error) }
    }

    async fn start(&self) -> Result<()> {
        self.put_log_aside();
        let mut arguments = self.arguments.clone();
        arguments.push(format!("--pidfile={}", self.pidfile().display()));
        arguments.push(format!("--log-file={}", self.log().display()));
        arguments.extend(["--detach", "--monitor", "--no-chdir", "-vsyslog:off", "-vconsole:off"].map(str::to_owned));
        if self.has_control {
            arguments.push(format!("--unixctl={}", self.dir.join(format!("{}.ctl", self.name)).display()));
        }
        let dirs = ["OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVN_RUNDIR", "OVN_LOGDIR", "OVN_DBDIR"];
        let environment = dirs.map(|variable| (variable, self.dir.clone()));
        let started = self.netns.command_with(self.program, &arguments, String::new(), &environment).await;
        started.map(|_| ()).doing(&format!("starting {}, whose log is {}", self.name, self.log().display()))
    }

    fn put_log_aside(&self) {
        let log = self.log();
        if std::fs::metadata(&log).is_ok_and(|m| m.len() > LOG_LIMIT) {
            let _ = std::fs::rename(&log, log.with_extension("log.1"));
        }
    }

    /// Asks it to end, and makes it end if it does not within `patience`. A monitor ends with a daemon that did not crash;
    /// one that is about to restart a crashed daemon is ended first.
    pub async fn stop(&self, patience: Duration) -> Result<()> {
        if let Some(monitor) = self.recorded_pid().and_then(|pid| self.monitor_of(pid)) {
            signal(&monitor, Signal::KILL)?;
            monitor.ended().await?;
        }
        if let Some(process) = self.running() {
            signal(&process, Signal::TERM)?;
            if timeout(patience, process.ended()).await.is_err()
                && let Some(process) = self.running()
            {
                tracing::warn!(daemon = self.name, pid = process.pid, "it does not end, it is killed");
                signal(&process, Signal::KILL)?;
                process.ended().await?;
            }
        }
        remove_file(&self.pidfile())
    }

    /// Waits until the daemon that runs now is no more, and its monitor has either put a new one in its place or is gone as
    /// well. Answers at once if none runs.
    pub async fn died(&self) -> Result<()> {
        let Some(process) = self.running() else { return Ok(()) };
        let monitor = self.monitor_of(process.pid);
        process.ended().await?;
        let replaced = async {
            while self.running().is_none() {
                sleep(Duration::from_millis(50)).await;
            }
        };
        let Some(monitor) = monitor else { return Ok(()) };
        tokio::select! {
            ended = monitor.ended() => ended,
            () = replaced => Ok(()),
        }
    }
}

fn signal(process: &Process, signal: Signal) -> Result<()> {
    match pidfd_send_signal(&process.fd, signal) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(e) => Err(Error::internal(format!("sending {signal:?} to process {}", process.pid)).with_source(e)),
    }
}

pub fn remove_file(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e).doing(&format!("removing {}", path.display())),
        _ => Ok(()),
    }
}

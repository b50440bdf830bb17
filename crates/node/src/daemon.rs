//! The process behind `tstack up` and `tstack down`: one per data directory, known by a locked pidfile. That it
//! serves is known by a second file that names it (`tstack.ready`): whether somebody answers on a port says nothing of who.

use crate::Config;
use kernel::{Error, Result, error::Doing};
use std::{
    fs::File,
    io::Write,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// Held while the process runs; the kernel lets it go with the process, however that ends.
pub struct Pidfile {
    _locked: File,
    ready: PathBuf,
}

impl Pidfile {
    /// Tells who waits that this node serves.
    pub fn ready(&self) -> Result<()> {
        std::fs::write(&self.ready, format!("{}\n", std::process::id())).doing("writing tstack.ready")
    }
}

fn path(config: &Config) -> PathBuf {
    config.data_dir.join("tstack.pid")
}

fn ready_path(config: &Config) -> PathBuf {
    config.data_dir.join("tstack.ready")
}

fn read_pid(path: &Path) -> Option<u32> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// Takes the data directory, or says who has it.
pub fn lock(config: &Config) -> Result<Pidfile> {
    let doing = "writing the pidfile";
    let mut file =
        File::options().read(true).write(true).create(true).truncate(false).open(path(config)).doing(doing)?;
    if file.try_lock().is_err() {
        let pid = read_pid(&path(config)).unwrap_or_default();
        let text = format!("{} is in use by process {pid}; stop it with `tstack down`", config.data_dir.display());
        return Err(Error::conflict(text));
    }
    // Left by an earlier process, which may have had the same id (the first of a container always has).
    let _ = std::fs::remove_file(ready_path(config));
    file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).doing(doing)?;
    Ok(Pidfile { _locked: file, ready: ready_path(config) })
}

/// The running process of this data directory.
pub fn running(config: &Config) -> Option<u32> {
    let file = File::open(path(config)).ok()?;
    if file.try_lock().is_ok() {
        return None; // nobody holds it
    }
    read_pid(&path(config))
}

/// Whether that process serves.
pub fn ready(config: &Config) -> bool {
    running(config).is_some_and(|pid| read_pid(&ready_path(config)) == Some(pid))
}

/// Starts `tstack run` in a session of its own, its output in `tstack.log`.
pub fn start(config: &Config, arguments: &[String]) -> Result<Child> {
    let log =
        File::options().append(true).create(true).open(config.data_dir.join("tstack.log")).doing("opening the log")?;
    let again = log.try_clone().doing("opening the log")?;
    let program = std::env::current_exe().doing("finding the program")?;
    let mut command = Command::new(program);
    command.arg("run").args(arguments).stdin(Stdio::null()).stdout(log).stderr(again).process_group(0);
    command.spawn().doing("starting tstack")
}

/// Asks the process to end and waits until it has; forces it when the time is over.
pub async fn stop(config: &Config, patience: Duration) -> Result<bool> {
    let Some(pid) = running(config) else { return Ok(false) };
    signal(pid, rustix::process::Signal::TERM)?;
    let began = Instant::now();
    while running(config).is_some() {
        if began.elapsed() > patience {
            signal(pid, rustix::process::Signal::KILL)?;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(true)
}

fn signal(pid: u32, signal: rustix::process::Signal) -> Result<()> {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    let pid = pid.ok_or_else(|| Error::internal("the pidfile holds no process id"))?;
    match rustix::process::kill_process(pid, signal) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(e) => Err(Error::internal("signalling the running tstack").with_source(e)),
    }
}

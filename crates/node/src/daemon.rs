//! The process behind `tstack up` and `tstack down`: one per data directory, known by a locked pidfile. Its first line is the
//! process, its second appears when the node serves: whether somebody answers on a port says nothing of who does.

use crate::Config;
use kernel::{Error, Result, error::Doing};
use std::{
    fs::File,
    io::Write,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// Held while the process runs; the kernel lets it go with the process, however that ends.
pub struct Pidfile {
    locked: File,
}

impl Pidfile {
    /// Tells who waits that this node serves.
    pub fn ready(&self) -> Result<()> {
        (&self.locked).write_all(READY.as_bytes()).doing("writing the pidfile")
    }
}

const READY: &str = "ready\n";

fn path(config: &Config) -> PathBuf {
    config.data_dir.join("tstack.pid")
}

/// Takes the data directory, or says who has it.
pub fn lock(config: &Config) -> Result<Pidfile> {
    let doing = "writing the pidfile";
    let mut file =
        File::options().read(true).write(true).create(true).truncate(false).open(path(config)).doing(doing)?;
    if file.try_lock().is_err() {
        let text = std::fs::read_to_string(path(config)).unwrap_or_default();
        let pid = text.lines().next().unwrap_or_default();
        let text = format!("{} is in use by process {pid}; stop it with `tstack down`", config.data_dir.display());
        return Err(Error::conflict(text));
    }
    file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).doing(doing)?;
    Ok(Pidfile { locked: file })
}

/// The running process of this data directory.
pub fn running(config: &Config) -> Option<u32> {
    let file = File::open(path(config)).ok()?;
    if file.try_lock().is_ok() {
        return None; // nobody holds it
    }
    std::fs::read_to_string(path(config)).ok()?.lines().next()?.parse().ok()
}

/// Whether that process serves.
pub fn ready(config: &Config) -> bool {
    running(config).is_some() && std::fs::read_to_string(path(config)).is_ok_and(|text| text.ends_with(READY))
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

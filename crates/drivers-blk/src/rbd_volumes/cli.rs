//! Running `rbd` and `ceph`: a process for each command, its answer in JSON, its exit status an errno.
//!
//! A command that outlives us does no harm: what it makes has a name that no other process uses, and what it removes was to go.
//! The key never appears here: the programs read it from the keyring to which the configuration leads.

use super::RbdVolumesConfig;
use crate::qemu_img::NO_SPACE;
use kernel::{Error, Result};
use serde::de::DeserializeOwned;
use std::{
    io::ErrorKind,
    process::{Output, Stdio},
    time::Duration,
};
use tokio::{process::Command, time::timeout};

/// For commands that move a volume's bytes.
pub(super) const LONG: Duration = Duration::from_secs(4 * 3600);

/// A command that failed: with which errno, if it said so.
#[derive(Debug, thiserror::Error)]
#[error("{command}: {said}")]
pub(super) struct Failed {
    command: String,
    errno: Option<rustix::io::Errno>,
    said: String,
    timeout: bool,
}

impl Failed {
    pub(super) fn is(&self, errno: rustix::io::Errno) -> bool {
        self.errno == Some(errno)
    }

    /// `Unavailable` when the cluster does not answer or somebody still has the image open: the same call may succeed later.
    pub(super) fn while_doing(self, doing: &str) -> Error {
        use rustix::io::Errno;
        match self.errno {
            _ if self.timeout => Error::unavailable("the Ceph cluster does not answer"),
            Some(Errno::NOSPC | Errno::DQUOT) => {
                Error::too_large(format!("{doing} failed: no space left in the Ceph pool")).with_code(NO_SPACE)
            }
            Some(Errno::BUSY) => Error::unavailable(format!("{doing} failed: the image is in use")),
            Some(Errno::TIMEDOUT | Errno::NOTCONN | Errno::SHUTDOWN | Errno::HOSTUNREACH) => {
                Error::unavailable("the Ceph cluster does not answer")
            }
            _ => Error::internal(doing),
        }
        .with_internal(doing)
        .with_source(self)
    }
}

/// `None` if what the command was about is not there.
pub(super) fn if_there<T>(done: Result<T, Failed>) -> Result<Option<T>, Failed> {
    match done {
        Err(e) if e.is(rustix::io::Errno::NOENT) => Ok(None),
        other => other.map(Some),
    }
}

/// Puts together a command that speaks to the cluster as the pool's user.
pub(super) fn command(config: &RbdVolumesConfig, program: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.arg("--conf").arg(&config.conf).args(["--id", &config.user]);
    if program == "rbd" {
        command.arg(format!("--client_mount_timeout={}", config.patience.as_secs()));
    }
    command
        .args(args)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

/// Runs a command to its end; what it printed.
pub(super) async fn run(
    config: &RbdVolumesConfig,
    program: &str,
    args: &[&str],
    within: Duration,
) -> Result<Vec<u8>, Failed> {
    let name = format!("{program} {}", args.join(" "));
    let output = timeout(within, command(config, program, args).output()).await;
    match output {
        Ok(Ok(output)) => ended(name, output),
        Ok(Err(e)) => {
            let missing = e.kind() == ErrorKind::NotFound;
            let said = if missing { format!("{program} is not installed") } else { e.to_string() };
            Err(Failed { command: name, errno: None, said, timeout: false })
        }
        Err(_) => {
            let said = format!("no answer within {} s", within.as_secs());
            Err(Failed { command: name, errno: None, said, timeout: true })
        }
    }
}

pub(super) fn ended(command: String, output: Output) -> Result<Vec<u8>, Failed> {
    if output.status.success() {
        return Ok(output.stdout);
    }
    let errno = output.status.code().map(rustix::io::Errno::from_raw_os_error);
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Failed { command, errno, said, timeout: false })
}

/// The same, for an answer in JSON.
pub(super) async fn ask<T: DeserializeOwned>(
    config: &RbdVolumesConfig,
    program: &str,
    args: &[&str],
) -> Result<T, Failed> {
    let args = [args, &["--format", "json"]].concat();
    let out = run(config, program, &args, config.patience).await?;
    serde_json::from_slice(&out).map_err(|e| {
        let said = format!("its answer cannot be read: {e}");
        Failed { command: format!("{program} {}", args.join(" ")), errno: None, said, timeout: false }
    })
}

//! Logging in to a guest with the machine's `ssh`.

use kernel::{Error, Result};
use std::{path::PathBuf, time::Duration};
use tokio::{process::Command, time::Instant};

/// How to log in.
pub struct Login {
    pub user: String,
    pub address: String,
    pub key: PathBuf,
}

impl Login {
    /// The line a person would type.
    pub fn line(&self) -> String {
        format!(
            "ssh -i {} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null {}@{}",
            self.key.display(),
            self.user,
            self.address
        )
    }
}

/// Tries until the guest answers `hostname`, or the patience is over.
pub async fn hostname_over_ssh(login: &Login, patience: Duration) -> Result<String> {
    let began = Instant::now();
    loop {
        let output = Command::new("ssh")
            .arg("-i")
            .arg(&login.key)
            .args(["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes"])
            .args(["-o", "ConnectTimeout=5", "-o", "LogLevel=ERROR"])
            .arg(format!("{}@{}", login.user, login.address))
            .arg("hostname")
            .kill_on_drop(true)
            .output()
            .await
            .map_err(|e| Error::internal("starting ssh (package openssh-client)").with_source(e))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
        if began.elapsed() > patience {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(Error::unavailable(format!(
                "the guest at {} did not let us in within {patience:?}: {said}",
                login.address
            )));
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

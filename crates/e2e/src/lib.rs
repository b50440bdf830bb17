//! Black-box tests: a cloud as `./quickstart` makes it, and the stock OpenStack client in a venv.
//!
//! Nothing here knows how TStack works inside; what it sees is what users see.

use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    time::{Duration, Instant},
};

/// A cloud that is removed when dropped.
pub struct CloudUnderTest {
    pub data: PathBuf,
    pub port: u16,
    fake: bool,
    venv: PathBuf,
}

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().and_then(Path::parent).map(Path::to_owned).unwrap_or_default()
}

fn must(what: &str, output: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{what}: {}\n{out}\n{err}", output.status);
    out.into_owned()
}

impl CloudUnderTest {
    /// Runs `./quickstart`; the demo server is booted and logged in to before this returns.
    pub fn start(name: &str, port: u16, fake: bool) -> Self {
        let cloud = Self { data: format!("/var/tmp/tstack-{name}").into(), port, fake, venv: venv() };
        cloud.quickstart(&["--down"]);
        cloud.quickstart(&[]);
        cloud
    }

    pub fn quickstart(&self, more: &[&str]) -> String {
        let mut command = Command::new(root().join("quickstart"));
        command.args(["--dev", "--data"]).arg(&self.data).args(["--port", &self.port.to_string()]);
        if self.fake {
            command.arg("--fake");
        }
        must("quickstart", &command.args(more).output().expect("quickstart can be started"))
    }

    /// `openstack` as a user of this cloud; panics unless it succeeds.
    pub fn openstack(&self, cloud: &str, line: &str) -> String {
        let output = self.client(cloud, line);
        must(&format!("openstack --os-cloud {cloud} {line}"), &output)
    }

    /// The same, for what may be refused.
    pub fn client(&self, cloud: &str, line: &str) -> Output {
        let mut command = Command::new(self.venv.join("bin/openstack"));
        command.env("OS_CLIENT_CONFIG_FILE", self.data.join("clouds.yaml")).env_remove("OS_CLOUD");
        command.args(["--os-cloud", cloud]).args(words(line)).output().expect("the client can be started")
    }

    /// With `-f json`.
    pub fn json(&self, cloud: &str, line: &str) -> Value {
        let text = self.openstack(cloud, &format!("{line} -f json"));
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("openstack {line}: {e}: {text}"))
    }

    /// Another command of the binary, for operators.
    pub fn tstack(&self, args: &[&str]) -> Output {
        let target = std::env::var("CARGO_TARGET_DIR").map_or_else(|_| root().join("target"), PathBuf::from);
        Command::new(target.join("debug/tstack"))
            .args(args)
            .arg("--data")
            .arg(&self.data)
            .output()
            .expect("tstack can be started")
    }

    /// The invariants hold; what a flow is still taking down gets a moment.
    pub fn audit(&self) {
        eventually("a clean audit", Duration::from_secs(30), || {
            let output = self.tstack(&["audit"]);
            output.status.success().then_some(()).ok_or_else(|| String::from_utf8_lossy(&output.stdout).into_owned())
        });
    }

    /// A command in the guest, by ssh with the demo key.
    pub fn guest(&self, address: &str, command: &str) -> String {
        let key = self.data.join("demo-key");
        let what = format!("ssh {address} {command}");
        eventually(&what, Duration::from_secs(240), || {
            let mut ssh = Command::new("ssh");
            ssh.arg("-i").arg(&key).args(["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]);
            ssh.args(["-o", "BatchMode=yes", "-o", "ConnectTimeout=5", "-o", "LogLevel=ERROR"]);
            let output = ssh.arg(format!("cirros@{address}")).arg(command).output().map_err(|e| e.to_string())?;
            match output.status.success() {
                true => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
                false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
            }
        })
    }
}

impl Drop for CloudUnderTest {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.data.join("tstack.log")).unwrap_or_default();
            let tail: Vec<&str> = log.lines().rev().take(60).collect();
            eprintln!("--- the end of tstack.log\n{}", tail.into_iter().rev().collect::<Vec<_>>().join("\n"));
        }
        let _ = Command::new(root().join("quickstart"))
            .args(["--dev", "--down", "--data"])
            .arg(&self.data)
            .args(["--port", &self.port.to_string()])
            .output();
    }
}

/// Words of a command line; single quotes keep blanks.
fn words(line: &str) -> Vec<String> {
    let mut out = Vec::new();
    for (n, part) in line.split('\'').enumerate() {
        match n % 2 {
            1 => out.push(part.to_owned()),
            _ => out.extend(part.split_whitespace().map(str::to_owned)),
        }
    }
    out
}

/// Tries until it is so; panics with the last reason.
pub fn eventually<T>(what: &str, patience: Duration, mut look: impl FnMut() -> Result<T, String>) -> T {
    let began = Instant::now();
    loop {
        match look() {
            Ok(found) => return found,
            Err(why) => assert!(began.elapsed() < patience, "{what}: not within {patience:?}: {why}"),
        }
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// The stock client, installed once.
fn venv() -> PathBuf {
    let dir = PathBuf::from("/var/tmp/tstack-e2e-venv");
    if !dir.join("bin/openstack").exists() {
        let made = Command::new("python3").args(["-m", "venv"]).arg(&dir).output().expect("python3 can be started");
        must("python3 -m venv", &made);
        let pip = Command::new(dir.join("bin/pip"))
            .args(["install", "-q", "python-openstackclient", "setuptools<81"])
            .output();
        must("pip install python-openstackclient", &pip.expect("pip can be started"));
    }
    dir
}

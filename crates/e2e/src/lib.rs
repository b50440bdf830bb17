//! Black-box tests: a cloud as `./quickstart` or `tstack lab` makes it, and the stock OpenStack client in a venv.
//!
//! Nothing here knows how TStack works inside; what it sees is what users see.

use serde_json::Value;
use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

/// A cloud that is removed when dropped.
pub struct CloudUnderTest {
    pub data: PathBuf,
    pub port: u16,
    made: Made,
    venv: PathBuf,
}

/// By what the cloud was made, and so is taken away.
enum Made {
    Quickstart { fake: bool },
    Lab { prefix: String },
}

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().and_then(Path::parent).map(Path::to_owned).unwrap_or_default()
}

fn target() -> PathBuf {
    std::env::var("CARGO_TARGET_DIR").map_or_else(|_| root().join("target"), PathBuf::from)
}

/// A program as one would start it by hand. What cargo says to the program that it runs (this one) of its package makes the builds of
/// crates that look at it begin anew, each time: `ring`'s, and so of all that stands on it.
pub fn by_hand(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    let cargos = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(cargos)) {
        command.env_remove(name);
    }
    command
}

fn must(what: &str, output: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{what}: {}\n{out}\n{err}", output.status);
    out.into_owned()
}

impl CloudUnderTest {
    /// Runs `./quickstart`; the demo server is booted and logged in to before this returns.
    pub fn start(name: &str, port: u16, fake: bool) -> Self {
        let made = Made::Quickstart { fake };
        let cloud = Self { data: format!("/var/tmp/tstack-{name}").into(), port, made, venv: venv() };
        cloud.quickstart(&["--down"]);
        cloud.quickstart(&[]);
        cloud
    }

    /// Runs `tstack lab up` with two hosts. Names and networks are set apart from those of a lab that a developer may have.
    pub fn lab(name: &str, port: u16) -> Self {
        let made = Made::Lab { prefix: "tsel".into() };
        let cloud = Self { data: format!("/var/tmp/tstack-{name}").into(), port, made, venv: venv() };
        must("cargo build", &output(by_hand("cargo").current_dir(root()).args(["build", "--locked", "-p", "tstack"])));
        cloud.lab_down();
        let image = guest_image();
        must(
            "tstack lab up",
            &cloud.tstack(&[
                "lab",
                "up",
                "--nodes",
                "2",
                "--port",
                &port.to_string(),
                "--prefix",
                "tsel",
                "--underlay",
                "10.10.97.0/24",
                "--external",
                "172.24.97.1/24",
                "--image",
                &image.display().to_string(),
                "--set",
                "volume.backends=[\"bulk=file\"]",
            ]),
        );
        cloud
    }

    pub fn lab_down(&self) {
        if let Made::Lab { prefix } = &self.made {
            must("tstack lab down", &self.tstack(&["lab", "down", "--prefix", prefix]));
        }
    }

    /// Kills the process of one of the lab's hosts, as a crash would.
    pub fn kill(&self, host: &str) {
        let pid = std::fs::read_to_string(self.data.join(host).join("tstack.pid")).expect("the host runs");
        must("kill", &output(Command::new("kill").args(["-9", pid.trim()])));
    }

    /// Pulls both cables of a host of the lab out, or plugs them in again.
    pub fn cables(&self, host: &str, plugged: bool) {
        let Made::Lab { prefix } = &self.made else { panic!("only a lab's hosts have cables") };
        let number = host.trim_start_matches('h');
        for cable in ["u", "x"] {
            let (near, state) = (format!("{prefix}-{cable}{number}"), if plugged { "up" } else { "down" });
            must("ip link set", &output(Command::new("ip").args(["link", "set", &near, state])));
        }
    }

    /// Processes of the guest of a server on a host of the lab, by their ids.
    pub fn guest_processes(&self, host: &str, server: &str) -> Vec<String> {
        let of_host = format!("{}/", self.data.join(host).display());
        let is =
            |command: &str| command.contains("qemu-system") && command.contains(&of_host) && command.contains(server);
        processes().into_iter().filter(|(_, command)| is(command)).map(|(id, _)| id).collect()
    }

    /// Starts a host of the lab again.
    pub fn host_up(&self, host: &str) {
        let data = self.data.join(host);
        must("tstack up", &output(Command::new(target().join("debug/tstack")).args(["up", "--data"]).arg(data)));
    }

    /// Kills a daemon of a host's network, and waits until another has taken its place.
    pub fn replace(&self, host: &str, daemon: &str) {
        let file = self.data.join(host).join("ovs").join(format!("{daemon}.pid"));
        let pid = || std::fs::read_to_string(&file).unwrap_or_default().trim().to_owned();
        let before = pid();
        must("kill", &output(Command::new("kill").args(["-9", &before])));
        eventually(&format!("another {daemon}"), Duration::from_secs(60), || {
            let now = pid();
            let runs = !now.is_empty() && now != before && Path::new("/proc").join(&now).exists();
            runs.then_some(()).ok_or_else(|| format!("{before} was killed, {now} is written"))
        });
    }

    /// The northbound database, as an operator gets at it who should not.
    pub fn nbctl(&self, line: &str) -> String {
        let database = format!("--db=unix:{}", self.data.join("h1/ovn/ovnnb.sock").display());
        let line = words(line);
        must("ovn-nbctl", &output(Command::new("ovn-nbctl").arg(database).arg("--bare").args(line))).trim().to_owned()
    }

    /// What a host's log says.
    pub fn log(&self, host: &str) -> String {
        std::fs::read_to_string(self.data.join(host).join("tstack.log")).unwrap_or_default()
    }

    /// What is on this machine that bears the lab's name: devices, namespaces, control groups, nft tables, processes, files.
    pub fn traces(&self) -> Vec<String> {
        let Made::Lab { prefix } = &self.made else { return Vec::new() };
        let mut found = Vec::new();
        for dir in ["/sys/class/net", "/run/netns", "/sys/fs/cgroup", "/sys/fs/cgroup/cpu"] {
            let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
            let names = entries.filter_map(|e| e.file_name().into_string().ok());
            found.extend(names.filter(|n| n.contains(prefix.as_str())).map(|n| format!("{dir}/{n}")));
        }
        let tables = must("nft list tables", &output(Command::new("nft").args(["list", "tables"])));
        found.extend(tables.lines().filter(|l| l.contains(prefix.as_str())).map(str::to_owned));
        for (id, command) in processes() {
            if command.contains(&format!("{}/", self.data.display())) {
                found.push(format!("process {id}: {command}"));
            }
        }
        found.extend(self.data.exists().then(|| self.data.display().to_string()));
        found
    }

    pub fn quickstart(&self, more: &[&str]) -> String {
        let mut command = by_hand(root().join("quickstart"));
        command.args(["--dev", "--data"]).arg(&self.data).args(["--port", &self.port.to_string()]);
        if matches!(self.made, Made::Quickstart { fake: true }) {
            command.arg("--fake");
        }
        must("quickstart", &command.args(more).output().expect("quickstart can be started"))
    }

    /// `openstack` as a user of this cloud; panics unless it succeeds.
    pub fn openstack(&self, cloud: &str, line: &str) -> String {
        let output = self.client(cloud, line);
        must(&format!("openstack --os-cloud {cloud} {line}"), &output)
    }

    /// Several commands told to one client, whose start takes longer than they do; panics if it complains of one.
    pub fn openstack_all(&self, cloud: &str, lines: &[String]) {
        let mut command = Command::new(self.venv.join("bin/openstack"));
        command.env("OS_CLIENT_CONFIG_FILE", self.data.join("clouds.yaml")).env("OS_CLOUD", cloud);
        command.env("OS_COMPUTE_API_VERSION", "2.68");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut client = command.spawn().expect("the client can be started");
        let told = client.stdin.take().expect("it listens").write_all((lines.join("\n") + "\n").as_bytes());
        let output = client.wait_with_output().expect("the client ends");
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        let done = told.is_ok() && complaint.trim().is_empty();
        assert!(done, "openstack as {cloud}: {lines:#?}\n{}\n{complaint}", String::from_utf8_lossy(&output.stdout));
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
        output(Command::new(target().join("debug/tstack")).args(args).arg("--data").arg(&self.data))
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
        self.ssh(&[], address, command)
    }

    /// The same, from within another guest: the connection to `address` is made by the one at `jump`.
    pub fn guest_from(&self, jump: &str, address: &str, command: &str) -> String {
        let words = self.ssh_words();
        let proxy = format!("ProxyCommand=ssh {} -W %h:%p cirros@{jump}", words.join(" "));
        self.ssh(&["-o", &proxy], address, command)
    }

    fn ssh_words(&self) -> Vec<String> {
        let key = self.data.join("demo-key").display().to_string();
        let options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "BatchMode=yes", "ConnectTimeout=5"];
        let options = options.into_iter().chain(["LogLevel=ERROR"]).flat_map(|o| ["-o".to_owned(), o.to_owned()]);
        ["-i".to_owned(), key].into_iter().chain(options).collect()
    }

    fn ssh(&self, more: &[&str], address: &str, command: &str) -> String {
        let what = format!("ssh {} {address} {command}", more.join(" "));
        eventually(&what, Duration::from_secs(240), || {
            let mut ssh = Command::new("ssh");
            ssh.args(self.ssh_words()).args(more).arg(format!("cirros@{address}")).arg(command);
            let output = ssh.output().map_err(|e| e.to_string())?;
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
            for host in ["", "h1", "h2"] {
                let log = self.data.join(host).join("tstack.log");
                let Ok(text) = std::fs::read_to_string(&log) else { continue };
                let tail: Vec<&str> = text.lines().rev().take(60).collect();
                eprintln!(
                    "--- the end of {}\n{}",
                    log.display(),
                    tail.into_iter().rev().collect::<Vec<_>>().join("\n")
                );
            }
        }
        if let Made::Lab { prefix } = &self.made {
            self.tstack(&["lab", "down", "--prefix", prefix]);
            return;
        }
        let _ = by_hand(root().join("quickstart"))
            .args(["--dev", "--down", "--data"])
            .arg(&self.data)
            .args(["--port", &self.port.to_string()])
            .output();
    }
}

/// Between two pings.
const BEAT: Duration = Duration::from_millis(100);

/// Pings an address while something is done: for how long nothing was answered, counted in pings that went and got lost. An answer
/// that comes late is one.
pub fn silence(address: &str, work: impl FnOnce()) -> Duration {
    let mut ping = Command::new("ping");
    ping.args(["-n", "-i", "0.1", address]).stdout(Stdio::piped());
    let ping = ping.spawn().expect("ping can be started");
    std::thread::sleep(Duration::from_secs(1));
    work();
    std::thread::sleep(Duration::from_secs(2));
    must("kill", &output(Command::new("kill").args(["-INT", &ping.id().to_string()])));
    let told = ping.wait_with_output().expect("ping ends");
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    let number = |line: &str| line.split("icmp_seq=").nth(1)?.split(' ').next()?.parse::<u32>().ok();
    let mut answered: Vec<u32> = told.lines().filter_map(number).collect();
    answered.sort_unstable();
    answered.dedup();
    assert!(answered.len() > 20, "pings are answered: {told}");
    BEAT * answered.windows(2).map(|pair| pair[1] - pair[0] - 1).max().unwrap_or_default()
}

/// What runs on this machine: ids and command lines.
fn processes() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for process in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let command = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        found.push((process.file_name().display().to_string(), command));
    }
    found
}

fn output(command: &mut Command) -> Output {
    let line = format!("{command:?}");
    command.output().unwrap_or_else(|e| panic!("{line} cannot be started: {e}"))
}

/// The guest image with the kernel for the acceleration probe, built once.
fn guest_image() -> PathBuf {
    let dir = target().join("tinycloud");
    std::fs::create_dir_all(&dir).expect("the target directory can be written");
    let image = dir.join("tinycloud.qcow2");
    let build = root().join("images/tinycloud/build");
    must("images/tinycloud/build", &output(by_hand(build).arg("--keep").arg(dir.join("probe")).arg(&image)));
    image
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

//! A cloud for benchmarks and proofs: the release binary in a process of its own, on a free port, in a new directory.

use serde_json::Value;
use std::{
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

#[derive(Clone, Copy, PartialEq)]
pub enum Hosts {
    Fake,
    /// QEMU without networks.
    Guests,
    /// QEMU, OVN and OVS: needs root and their packages.
    Real,
}

pub struct TestCloud {
    pub dir: PathBuf,
    pub port: u16,
    hosts: Hosts,
    /// Settings besides.
    more: Vec<String>,
    child: Option<Child>,
    binary: PathBuf,
}

/// The release binary, built if need be; or the one that `TSTACK_BINARY` names.
pub fn binary() -> Result<PathBuf, String> {
    if let Some(named) = std::env::var_os("TSTACK_BINARY") {
        return Ok(named.into());
    }
    let built = crate::cargo().args(["build", "--release", "--locked", "--quiet", "--package", "tstack"]).status();
    match built {
        Ok(status) if status.success() => {}
        Ok(status) => return Err(format!("building tstack: {status}")),
        Err(e) => return Err(format!("starting cargo: {e}")),
    }
    let target = std::env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "target".into());
    Ok(PathBuf::from(target).join("release/tstack"))
}

fn free_port() -> Result<u16, String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").map_err(|e| format!("finding a free port: {e}"))?;
    listener.local_addr().map(|a| a.port()).map_err(|e| format!("finding a free port: {e}"))
}

impl TestCloud {
    pub fn new(name: &str, hosts: Hosts) -> Result<Self, String> {
        let binary = binary()?;
        let dir = Path::new("/var/tmp").join(format!("tstack-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).map_err(|e| format!("making {}: {e}", dir.display()))?;
        let cloud = Self { dir, port: free_port()?, hosts, more: Vec::new(), child: None, binary };
        if hosts != Hosts::Fake {
            let at = |path: &str| cloud.dir.join(path).display().to_string();
            let [out, alt, keep] = ["cache/tinycloud.qcow2", "cache/tinycloud-alt.qcow2", "probe"].map(at);
            for dir in [at("cache"), at("probe")] {
                std::fs::create_dir_all(&dir).map_err(|e| format!("making {dir}: {e}"))?;
            }
            crate::image::run(&["--out", &out, "--alt", &alt, "--keep", &keep].map(str::to_owned))?;
        }
        Ok(cloud)
    }

    /// Images, flavors and networks of the demo, without a server.
    pub fn prepare(&self) -> Result<(), String> {
        let (image, mut args) = (self.image().display().to_string(), vec!["demo", "--no-server"]);
        if self.hosts != Hosts::Fake {
            args.extend(["--image", &image]);
        }
        match self.run(&args)? {
            (true, _) => Ok(()),
            (false, text) => Err(format!("preparing the cloud: {text}")),
        }
    }

    fn image(&self) -> PathBuf {
        self.dir.join("cache/tinycloud.qcow2")
    }

    fn arguments(&self, command: &str) -> Vec<String> {
        let mut all = vec![command.to_owned(), "--data".to_owned(), self.dir.display().to_string()];
        let fakes = [
            "hypervisor.driver=fake",
            "hypervisor.vcpus=16384",
            "hypervisor.memory_mib=16777216",
            "network.driver=fake",
            "volume.driver=fake",
        ];
        let drivers = match self.hosts {
            Hosts::Fake => &fakes[..],
            Hosts::Guests => &["network.driver=fake"],
            Hosts::Real => &[],
        };
        for set in ["agent.port=0", "log.level=warn"].iter().chain(drivers) {
            all.extend(["--set".to_owned(), (*set).to_owned()]);
        }
        all.extend(self.more.iter().flat_map(|set| ["--set".to_owned(), set.clone()]));
        all.extend(["--set".to_owned(), format!("api.port={}", self.port)]);
        all
    }

    /// A setting from the next start on.
    pub fn set(&mut self, setting: &str) {
        self.more.push(setting.to_owned());
    }

    /// Starts the process and waits until it serves; how long that took.
    pub fn start(&mut self) -> Result<Duration, String> {
        let log = std::fs::File::options().append(true).create(true).open(self.dir.join("tstack.log"));
        let log = log.map_err(|e| format!("opening the log: {e}"))?;
        let again = log.try_clone().map_err(|e| format!("opening the log: {e}"))?;
        let began = Instant::now();
        let child = Command::new(&self.binary)
            .args(self.arguments("run"))
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(again)
            .spawn();
        self.child = Some(child.map_err(|e| format!("starting tstack: {e}"))?);
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if began.elapsed() > Duration::from_secs(30) {
                return Err(format!("tstack did not start: see {}", self.dir.join("tstack.log").display()));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(began.elapsed())
    }

    pub fn pid(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    /// SIGKILL, and waits for the end.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill(); // gone already is as good
            let _ = child.wait();
        }
    }

    /// Runs another command of the binary against this cloud.
    pub fn run(&self, args: &[&str]) -> Result<(bool, String), String> {
        let (command, rest) = args.split_first().ok_or("no command")?;
        let output = Command::new(&self.binary).args(self.arguments(command)).args(rest).output();
        let output = output.map_err(|e| format!("starting tstack {command}: {e}"))?;
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        Ok((output.status.success(), text))
    }

    pub fn clouds(&self) -> PathBuf {
        self.dir.join("clouds.yaml")
    }

    /// A number of `/metrics`; 0 if it is not there.
    pub fn metric(&self, name: &str) -> u64 {
        let mut text = String::new();
        let answer = std::net::TcpStream::connect(("127.0.0.1", self.port)).and_then(|mut stream| {
            stream.write_all(b"GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
            stream.read_to_string(&mut text)
        });
        let line = answer.ok().and_then(|_| text.lines().find_map(|l| l.strip_prefix(name)));
        line.and_then(|number| number.trim().parse().ok()).unwrap_or(0)
    }

    /// CPU time of the process so far, user and system.
    pub fn cpu(&self) -> Duration {
        cpu_of(self.pid())
    }

    /// Resident memory in MiB.
    pub fn memory_mib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap_or_default();
        let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024
    }
}

impl Drop for TestCloud {
    fn drop(&mut self) {
        self.kill();
        if self.hosts != Hosts::Fake {
            // Guests and switches outlive the process; whoever takes them down says what is left.
            match self.run(&["down", "--purge"]) {
                Ok((true, _)) => {}
                Ok((false, text)) | Err(text) => eprintln!("removing {}: {text}", self.dir.display()),
            }
        }
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

fn cpu_of(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |n: usize| fields.get(n).and_then(|t| t.parse::<u64>().ok()).unwrap_or(0);
    // USER_HZ is 100 on every Linux that matters here.
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}

/// A report with date and machine, beside the others.
pub fn write_report(name: &str, mut report: Value) -> Result<PathBuf, String> {
    let date = Command::new("date").arg("-u").arg("+%Y-%m-%dT%H:%M:%SZ").output().map_err(|e| e.to_string())?;
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find(|l| l.starts_with("model name"))
        .and_then(|l| l.split(':').nth(1))
        .unwrap_or("?")
        .trim()
        .to_owned();
    report["date"] = serde_json::json!(String::from_utf8_lossy(&date.stdout).trim());
    report["machine"] =
        serde_json::json!({"cpu": model, "cores": std::thread::available_parallelism().map_or(0, |n| n.get())});
    let path = Path::new("docs/reports").join(format!("{name}.json"));
    std::fs::create_dir_all("docs/reports").map_err(|e| format!("making docs/reports: {e}"))?;
    let text = serde_json::to_string_pretty(&report).map_err(|e| e.to_string())? + "\n";
    std::fs::write(&path, text).map_err(|e| format!("writing {}: {e}", path.display()))?;
    Ok(path)
}

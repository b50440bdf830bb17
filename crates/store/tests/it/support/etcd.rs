//! Real etcd servers on loopback, from Debian's `etcd-server`.
//!
//! A server lives under a shell that waits for the end of its standard input: when the test process ends, however it ends, so
//! does the server, and its directory with it. Single servers are kept and used by one test after the other, emptied in between.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Mutex,
    time::Duration,
};
use store::{
    Backend, Etcd,
    backend::etcd::{EtcdConfig, SERVER_FLAGS},
};

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port()
}

/// A directory in memory, if the system has one: these tests are about protocols, not about disks.
pub fn scratch() -> tempfile::TempDir {
    let shm = Path::new("/dev/shm");
    match tempfile::Builder::new().prefix("tstack-store-").tempdir_in(shm) {
        Ok(dir) => dir,
        Err(_) => tempfile::tempdir().expect("a temporary directory"),
    }
}

/// One etcd process.
pub struct Server {
    shell: Child,
    pid: u32,
}

impl Server {
    /// Starts an etcd with the flags of the design and those given. Its directory outlives it only if it is to be started again.
    pub fn start(dir: &Path, flags: &[String], keep: bool) -> Self {
        let script = r#"
            trap '' INT; exec 2>/dev/null
            etcd "$@" >>"$DIR/log" 2>&1 & echo $!
            cat >/dev/null; kill -9 $!; wait $!
            [ "$KEEP" = yes ] || rm -rf "$DIR""#;
        let mut shell = Command::new("sh")
            .args(["-c", script, "etcd"])
            .args(SERVER_FLAGS)
            .arg(format!("--data-dir={}", dir.join("data").display()))
            .args(flags)
            .env("DIR", dir)
            .env("KEEP", if keep { "yes" } else { "no" })
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh starts");
        let mut line = String::new();
        BufReader::new(shell.stdout.take().expect("piped")).read_line(&mut line).expect("a pid");
        let pid = line.trim().parse().expect("a pid: is etcd-server installed?");
        Self { shell, pid }
    }

    /// STOP, CONT or KILL.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.pid.to_string()]).status();
        assert!(status.is_ok_and(|s| s.success()), "kill -{name}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait(); // it ends with its input
    }
}

struct Single {
    address: String,
    _server: Server,
}

static IDLE: Mutex<Vec<Single>> = Mutex::new(Vec::new());

/// A single empty etcd, given back for the next test when dropped.
pub struct Lent(Option<Single>);

impl Lent {
    pub async fn new() -> Self {
        let idle = IDLE.lock().expect("no test panics here").pop();
        let single = match idle {
            Some(single) => single,
            None => start_single().await,
        };
        let mut client = etcd_client::Client::connect([&single.address], None).await.expect("etcd");
        let all = etcd_client::DeleteOptions::new().with_all_keys();
        client.delete("", Some(all)).await.expect("emptying etcd");
        Self(Some(single))
    }

    pub fn address(&self) -> &str {
        &self.0.as_ref().expect("until dropped").address
    }

    pub async fn connect(&self) -> Etcd {
        connect([self.address()]).await
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        IDLE.lock().expect("no test panics here").extend(self.0.take());
    }
}

pub async fn connect(addresses: impl IntoIterator<Item = impl Into<String>>) -> Etcd {
    Etcd::connect(&EtcdConfig::new(addresses)).await.expect("well-formed addresses")
}

/// Waits until an etcd answers; false if it does not within a while.
pub async fn answers(address: &str) -> bool {
    let etcd = connect([address]).await;
    for _ in 0..100 {
        if etcd.head().await.is_ok() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    false
}

async fn start_single() -> Single {
    // Between finding a free port and using it somebody else may take it.
    for _ in 0..5 {
        let dir = scratch().keep();
        let [client, peer] = [free_port(), free_port()].map(|port| format!("http://127.0.0.1:{port}"));
        let flags = [
            "--name=one".into(),
            format!("--listen-client-urls={client}"),
            format!("--advertise-client-urls={client}"),
            format!("--listen-peer-urls={peer}"),
            format!("--initial-advertise-peer-urls={peer}"),
            format!("--initial-cluster=one={peer}"),
        ];
        let server = Server::start(&dir, &flags, false);
        if answers(&client).await {
            return Single { address: client, _server: server };
        }
        eprintln!("etcd did not start: {}", last_lines(&dir.join("log")));
    }
    panic!("no etcd could be started; is etcd-server installed?")
}

pub fn last_lines(log: &PathBuf) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().rev().take(5).collect();
    lines.join("\n")
}

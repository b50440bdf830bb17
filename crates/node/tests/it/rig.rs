//! The real binary on fakes: a process of its own, on free ports, in a directory of its own, gone when dropped.

use http::{Client, ClientConfig};
use serde_json::{Value, json};
use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// How long anything may take on a busy machine before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A data directory, and the settings of a node of fakes in it.
pub struct Node {
    pub dir: TempDir,
    pub port: u16,
    /// File systems of their own, in KiB, mounted at directories of the data directory where only the node sees them.
    small: Vec<(&'static str, u32)>,
    /// Settings besides: `node.name=h1`.
    more: Vec<String>,
    child: Option<Child>,
    /// It runs in the background, as a host of another node's region.
    joined: bool,
}

/// What a service answered.
#[derive(Debug, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

/// A user who has logged in.
pub struct Login {
    client: Client,
    base: String,
    token: String,
}

pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("some port is free");
    listener.local_addr().expect("it is bound").port()
}

pub fn tstack() -> Command {
    Command::new(env!("CARGO_BIN_EXE_tstack"))
}

/// Standard output and error of a command that has ended.
pub fn words(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes)).concat()
}

/// Tries until it is so; panics with the last reason.
pub async fn eventually<T, F: AsyncFnMut() -> Result<T, String>>(what: &str, mut look: F) -> T {
    let began = Instant::now();
    loop {
        match look().await {
            Ok(found) => return found,
            Err(why) => assert!(began.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}: {why}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

impl Node {
    pub fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("tstack-node-").tempdir_in("/var/tmp").expect("/var/tmp is writable");
        Self { dir, port: free_port(), small: Vec::new(), more: Vec::new(), child: None, joined: false }
    }

    /// Running and ready.
    pub async fn started() -> Self {
        let mut node = Self::new();
        node.start().await;
        node
    }

    /// `path` (below the data directory) is a file system of so many KiB when the node runs.
    #[must_use]
    pub fn with_small(mut self, path: &'static str, kib: u32) -> Self {
        self.small.push((path, kib));
        self
    }

    #[must_use]
    pub fn with(mut self, setting: &str) -> Self {
        self.more.push(setting.to_owned());
        self
    }

    /// Joins the region of the member whose agent port this is, and runs.
    pub fn join(&mut self, member: u16, token: &str) {
        let joined = self.command("up", &["--join", &format!("https://127.0.0.1:{member}"), "--token", token]);
        assert!(joined.status.success(), "{}", words(&joined));
        self.joined = true;
    }

    pub fn data(&self) -> &Path {
        self.dir.path()
    }

    /// A path as the running node sees it.
    pub fn seen_by_node(&self, path: &str) -> PathBuf {
        let pid = self.child.as_ref().expect("the node runs").id();
        PathBuf::from(format!("/proc/{pid}/root{}", self.data().join(path).display()))
    }

    fn settings(&self) -> Vec<String> {
        let mut all = vec!["--data".to_owned(), self.data().display().to_string()];
        let port = format!("api.port={}", self.port);
        for set in
            ["hypervisor.driver=fake", "network.driver=fake", "volume.driver=fake", "agent.port=0", port.as_str()]
                .into_iter()
                .chain(["identity.bcrypt_rounds=4"])
                .chain(self.more.iter().map(String::as_str))
        {
            all.extend(["--set".to_owned(), set.to_owned()]);
        }
        all
    }

    /// A subcommand with this node's settings, to its end; a node that starts though it should not is ended.
    pub fn command(&self, name: &str, more: &[&str]) -> Output {
        let mut command = Command::new("timeout");
        command.arg(PATIENCE.as_secs().to_string()).arg(tstack().get_program());
        command.arg(name).args(self.settings()).args(more).output().expect("tstack can be started")
    }

    /// The command line of `tstack run`, in mounts of its own if it is to have some.
    fn run_command(&self) -> Command {
        let mut run = tstack();
        if !self.small.is_empty() {
            // A user namespace makes the mounts possible without root, and private.
            let mount = |(path, kib): &(&str, u32)| {
                let at = self.data().join(path);
                std::fs::create_dir_all(&at).expect("the mount's directory can be made");
                format!("mount -t tmpfs -o size={kib}k none '{}' && ", at.display())
            };
            let mounts: String = self.small.iter().map(mount).collect();
            run = Command::new("unshare");
            run.args(["-r", "-m", "sh", "-c"]).arg(format!("{mounts} exec \"$0\" \"$@\"")).arg(tstack().get_program());
        }
        run.arg("run").args(self.settings());
        run
    }

    /// Starts `tstack run` without waiting for anything.
    pub fn spawn(&mut self) {
        let log = self.data().join("tstack.log");
        let log = File::options().append(true).create(true).open(log).expect("the log can be written");
        let again = log.try_clone().expect("the log can be written twice");
        let child = self.run_command().stdin(Stdio::null()).stdout(log).stderr(again).spawn();
        self.child = Some(child.expect("tstack can be started"));
    }

    pub async fn start(&mut self) {
        self.spawn();
        let url = format!("{}/healthz", self.base());
        let client = client();
        let child = self.child.as_mut().expect("it was just started");
        let log = self.dir.path().join("tstack.log");
        eventually("tstack serves", async || {
            if let Ok(Some(status)) = child.try_wait() {
                panic!("tstack ended with {status}: {}", std::fs::read_to_string(&log).unwrap_or_default());
            }
            let answer = client.get(&url).send().await.map_err(|e| e.to_string())?;
            answer.status.is_success().then_some(()).ok_or_else(|| answer.status.to_string())
        })
        .await;
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.as_ref().expect("the node runs").id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().expect("there is kill").success());
    }

    /// Waits for the end of the process: true if it ended well.
    pub async fn ended(&mut self) -> bool {
        let mut child = self.child.take().expect("the node runs");
        let wait = tokio::task::spawn_blocking(move || child.wait().expect("the process can be waited for"));
        tokio::time::timeout(PATIENCE, wait).await.expect("tstack ends").expect("waiting does not panic").success()
    }

    pub async fn stop(&mut self) {
        self.signal("-TERM");
        assert!(self.ended().await, "tstack ends well: {}", self.log());
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.data().join("tstack.log")).unwrap_or_default()
    }

    pub fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub async fn admin(&self) -> Login {
        let password = std::fs::read_to_string(self.data().join("admin-password")).expect("the password was written");
        self.login("admin", password.trim(), "admin").await
    }

    pub async fn login(&self, user: &str, password: &str, project: &str) -> Login {
        let client = client();
        let user = json!({"name": user, "domain": {"id": "default"}, "password": password});
        let body = json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": {"name": project, "domain": {"id": "default"}}},
        }});
        let url = format!("{}/identity/v3/auth/tokens", self.base());
        let answer = client.post(url).json(&body).send().await.expect("identity answers");
        let token = answer.header("x-subject-token").expect("the login is accepted").to_owned();
        Login { client, base: self.base(), token }
    }
}

fn client() -> Client {
    Client::new(&ClientConfig::default()).expect("a client can be made")
}

impl Login {
    pub fn token(&self) -> &str {
        &self.token
    }

    /// One request as it stands: `line` is `POST /compute/v2.1/servers`, the body any bytes.
    pub async fn raw(&self, line: &str, body: impl Into<Vec<u8>>, content_type: &str) -> Answer {
        self.send(line, body.into(), &[("content-type", content_type)]).await
    }

    /// With a version: `compute 2.37`.
    pub async fn versioned(&self, line: &str, body: &Value, version: &str) -> Answer {
        let headers = [("content-type", "application/json"), ("openstack-api-version", version)];
        self.send(line, body.to_string().into(), &headers).await
    }

    async fn send(&self, line: &str, body: Vec<u8>, headers: &[(&'static str, &str)]) -> Answer {
        let (method, path) = line.split_once(' ').expect("a method and a path");
        let method = method.parse().expect("a method");
        let request = self.client.to(method, format!("{}{path}", self.base)).token(&self.token);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        let request = request.body(body);
        let answer = request.send().await.unwrap_or_else(|e| panic!("{line}: {e}"));
        let status = answer.status.as_u16();
        let text = answer.text().await.unwrap_or_else(|e| panic!("{line}: {e}"));
        Answer { status, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
    }

    pub async fn ask(&self, line: &str, body: &Value) -> Answer {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        self.raw(line, text, "application/json").await
    }

    /// The same, for what must succeed.
    pub async fn must(&self, line: &str, body: Value) -> Value {
        let answer = self.ask(line, &body).await;
        assert!((200..300).contains(&answer.status), "{line}: {answer:?}");
        answer.body
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<_> = log.lines().rev().filter(|l| !l.contains("http::access")).take(20).collect();
            eprintln!("--- the end of tstack.log\n{}", tail.into_iter().rev().collect::<Vec<_>>().join("\n"));
        }
        if self.joined {
            self.command("down", &[]);
        }
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A server without a network, of an image of its own, just created.
pub async fn server(admin: &Login) -> String {
    let image = image(admin).await;
    server_of(admin, &image, json!({})).await
}

/// An image with bytes.
pub async fn image(admin: &Login) -> String {
    let image = json!({"disk_format": "raw", "container_format": "bare", "visibility": "public"});
    let image = id(&admin.must("POST /image/v2/images", image).await);
    let bytes =
        admin.raw(&format!("PUT /image/v2/images/{image}/file"), vec![0; 1 << 16], "application/octet-stream").await;
    assert_eq!(bytes.status, 204, "{bytes:?}");
    image
}

/// A server without a network, just created; `more` is said of it as well.
pub async fn server_of(admin: &Login, image: &str, more: Value) -> String {
    let flavors = admin.must("GET /compute/v2.1/flavors", Value::Null).await;
    let mut body = json!({"server": {"name": "s", "imageRef": image, "flavorRef": id(&flavors["flavors"][0]), "networks": "none"}});
    body["server"].as_object_mut().expect("it is one").extend(more.as_object().cloned().unwrap_or_default());
    let line = "POST /compute/v2.1/servers";
    let answer = admin.versioned(line, &body, "compute 2.37").await;
    assert_eq!(answer.status, 202, "{answer:?}");
    id(&answer.body["server"])
}

pub fn id(value: &Value) -> String {
    value["id"].as_str().unwrap_or_else(|| panic!("no id in {value}")).to_owned()
}

/// A cloud of two hosts on fakes: the member `h1`, `h2` that joined it, and an administrator.
pub async fn two_hosts() -> (Node, Node, Login) {
    two_hosts_with(&[]).await
}

/// Both with these settings.
pub async fn two_hosts_with(settings: &[&str]) -> (Node, Node, Login) {
    let node = || settings.iter().fold(Node::new(), |node, setting| node.with(setting));
    let agents = free_port();
    let mut member = node().with("node.name=h1").with(&format!("agent.port={agents}"));
    member.start().await;
    let admin = member.admin().await;
    let token = member.command("token", &[]);
    assert!(token.status.success(), "{}", words(&token));
    let mut other = node().with("node.name=h2");
    other.join(agents, String::from_utf8_lossy(&token.stdout).trim());
    eventually("both hosts are there", async || {
        let seen = admin.must("GET /compute/v2.1/os-hypervisors", Value::Null).await;
        let there = seen["hypervisors"].as_array().map_or(0, Vec::len);
        if there == 2 { Ok(()) } else { Err(seen.to_string()) }
    })
    .await;
    (member, other, admin)
}

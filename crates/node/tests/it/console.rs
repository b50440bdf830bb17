//! A server's screen over HTTP, with real QEMUs: on the member's own host, and on another, through its agent's link. The same
//! steps as tempest's `test_novnc`.

use crate::{fakes, rig::free_port};
use cluster::{Authority, create_token};
use compute::model::ConsoleToken;
use http::{Client, ClientConfig};
use kernel::{SystemClock, Timestamp};
use node::{Config, credentials, daemon, plain, runtime, services};
use serde_json::{Value, json};
use std::{
    future::pending,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    time::Duration,
};
use store::{Memory, Store};

struct Api {
    client: Client,
    base: String,
    token: String,
}

impl Api {
    async fn login(config: &Config) -> Self {
        let (client, base) = (Client::new(&ClientConfig::default()).unwrap(), config.public_url().unwrap());
        let user = json!({"name": "admin", "domain": {"id": "default"}, "password": credentials::admin_password(config).unwrap()});
        let scope = json!({"project": {"name": "admin", "domain": {"id": "default"}}});
        let auth = json!({"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}});
        let answer = client.post(format!("{base}/identity/v3/auth/tokens")).json(&auth).send().await.unwrap();
        let token = answer.header("x-subject-token").unwrap().to_owned();
        Self { client, base, token }
    }

    async fn call(&self, request: &str, body: Option<Value>) -> Value {
        let (method, path) = request.split_once(' ').unwrap();
        let asked = self.client.to(method.parse().unwrap(), format!("{}{path}", self.base)).token(&self.token);
        let asked = asked.header("openstack-api-version", "compute 2.74");
        let asked = if let Some(body) = body { asked.json(&body) } else { asked };
        let answer = asked.send().await.unwrap();
        let (status, text) = (answer.status, answer.text().await.unwrap());
        assert!(status.is_success(), "{request}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// An image of zeroes: nothing boots from it, and nothing needs to.
    async fn image(&self) -> String {
        let new = json!({"name": "zeroes", "disk_format": "raw", "container_format": "bare"});
        let id = self.call("POST /image/v2/images", Some(new)).await["id"].as_str().unwrap().to_owned();
        let upload = self.client.put(format!("{}/image/v2/images/{id}/file", self.base)).token(&self.token);
        let upload = upload.header("content-type", "application/octet-stream").body(vec![0; 1 << 20]);
        assert_eq!(upload.send().await.unwrap().status.as_u16(), 204);
        id
    }

    async fn server(&self, image: &str, host: &str) -> String {
        let new =
            json!({"server": {"name": host, "imageRef": image, "flavorRef": "42", "networks": "none", "host": host}});
        let id = self.call("POST /compute/v2.1/servers", Some(new)).await["server"]["id"].as_str().unwrap().to_owned();
        loop {
            let server = self.call(&format!("GET /compute/v2.1/servers/{id}"), None).await;
            match server["server"]["status"].as_str().unwrap() {
                "ACTIVE" => return id,
                "ERROR" => panic!("{server:#}"),
                _ => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }

    async fn console(&self, server: &str) -> String {
        let body = json!({"remote_console": {"protocol": "vnc", "type": "novnc"}});
        let answer = self.call(&format!("POST /compute/v2.1/servers/{server}/remote-consoles"), Some(body)).await;
        assert_eq!(answer["remote_console"]["type"], "novnc");
        answer["remote_console"]["url"].as_str().unwrap().to_owned()
    }
}

/// As small a websocket client as will do.
struct Screen(TcpStream);

impl Screen {
    /// Gives the token in a cookie, as noVNC once did and tempest does.
    fn open(at: SocketAddr, token: &str) -> Self {
        let mut stream = TcpStream::connect(at).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        write!(
            stream,
            "GET /websockify HTTP/1.1\r\nHost: {at}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nCookie: token={token}\r\n\
             Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: binary\r\n\r\n"
        )
        .unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.extend(byte);
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        assert!(head.starts_with("http/1.1 101 switching protocols") && head.contains("upgrade: websocket"), "{head}");
        Self(stream)
    }

    /// The next frame with something in it; `None` when the connection has ended.
    fn receive(&mut self) -> Option<Vec<u8>> {
        loop {
            let mut header = [0; 2];
            if self.0.read_exact(&mut header).is_err() {
                return None;
            }
            let mut length = usize::from(header[1] & 127);
            if length == 126 {
                let mut long = [0; 2];
                self.0.read_exact(&mut long).ok()?;
                length = usize::from(u16::from_be_bytes(long));
            }
            let mut data = vec![0; length];
            self.0.read_exact(&mut data).ok()?;
            if length > 0 {
                return Some(data);
            }
        }
    }

    fn send(&mut self, data: &[u8]) {
        let mask = [7, 2, 1, 9];
        let mut frame = vec![130, u8::try_from(data.len()).unwrap() | 128];
        frame.extend(mask);
        frame.extend(data.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        self.0.write_all(&frame).unwrap();
    }
}

/// RFB as far as the server's first word on its screen.
fn greet(at: SocketAddr, token: &str) {
    let mut screen = Screen::open(at, token);
    assert_eq!(screen.receive().unwrap(), b"RFB 003.008\n");
    screen.send(b"RFB 003.008\n");
    assert_eq!(screen.receive().unwrap(), [1, 1], "one kind of security: none");
    screen.send(&[1]);
    assert_eq!(screen.receive().unwrap(), [0, 0, 0, 0]);
    screen.send(&[1]);
    let init = screen.receive().unwrap();
    let (width, name) = (u16::from_be_bytes([init[0], init[1]]), u32::from_be_bytes(init[20..24].try_into().unwrap()));
    assert!(width > 0 && init.len() == 24 + name as usize, "{init:?}");
    // And it draws: ask for the first line, as it is.
    screen.send(&[3, 0, 0, 0, 0, 0, 0, 16, 0, 1]);
    let update = screen.receive().unwrap();
    assert_eq!(update[0], 0, "an update: {update:?}");
}

fn refused(at: SocketAddr, token: &str) {
    assert_eq!(Screen::open(at, token).receive(), None, "it closes without a word");
}

fn config(dir: &Path, name: &str) -> Config {
    let mut config = fakes::config(dir);
    let qemu =
        [("node.name", name), ("hypervisor.driver", "qemu"), ("hypervisor.accel", "tcg"), ("network.prefix", "wcon")];
    qemu.iter().for_each(|(key, value)| config.set(key, value).unwrap());
    config
}

/// A second host, joined to the member's region.
async fn join(dir: &Path, member: &Config, store: &Store, port: u16) -> Config {
    let mut config = config(dir, "h2");
    let member_url = format!("https://127.0.0.1:{port}");
    config.set("agent.member", &member_url).unwrap();
    let authority = Authority::open(&member.data_dir.join("pki")).unwrap();
    let now = SystemClock::shared().now();
    let token = create_token(store, &authority, None, now, Duration::from_secs(60)).await.unwrap();
    plain::join(&config, &member_url, &token).await.unwrap();
    config
}

async fn expire(store: &Store, token: &str) {
    let token = token.to_owned();
    let over = move |tx: &mut store::Tx| {
        let found = tx.update::<ConsoleToken>(&token, |t| t.expires = Timestamp::from_secs(1));
        assert!(found.is_some());
        Ok(())
    };
    store.transact("test", over).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_screen_is_seen_by_whoever_has_its_token() {
    if std::env::var_os("TSTACK_NO_QEMU").is_some() {
        return;
    }
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (mut member, port) = (config(dir.path(), "h1"), free_port());
    member.set("agent.port", &port.to_string()).unwrap();
    let store = Store::open(Memory::new(), services::schema()).await.unwrap();
    let running =
        tokio::spawn(runtime::run_over(member.clone(), store.clone(), daemon::lock(&member).unwrap(), pending()));
    let at = member.api_socket().unwrap();
    while TcpStream::connect(at).is_err() || TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(!running.is_finished(), "{:?}", running.await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let second = join(other.path(), &member, &store, port).await;
    let pidfile = daemon::lock(&second).unwrap();
    let second = tokio::spawn(plain::run(second, pidfile, pending()));
    let api = Api::login(&member).await;
    let connected =
        async || api.call("GET /compute/v2.1/os-hypervisors", None).await["hypervisors"].as_array().unwrap().len();
    while connected().await < 2 {
        assert!(!second.is_finished(), "{:?}", second.await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let image = api.image().await;
    for host in ["h1", "h2"] {
        let server = api.server(&image, host).await;
        let url = api.console(&server).await;
        let page = api.client.get(url.clone()).send().await.unwrap();
        assert!(page.status.is_success() && page.header("cache-control") == Some("no-store"));
        let html = page.text().await.unwrap();
        assert!(["<html", "</html>", "<script", "noVNC"].iter().all(|part| html.contains(part)), "{html}");
        let token = url.split_once("?token=").unwrap().1.to_owned();
        let screen = token.clone();
        tokio::task::spawn_blocking(move || {
            greet(at, &screen);
            greet(at, &screen); // a token is good for its time, not for once
            refused(at, &format!("bad{screen}"));
            refused(at, "");
        })
        .await
        .unwrap();
        expire(&store, &token).await;
        tokio::task::spawn_blocking(move || refused(at, &token)).await.unwrap();

        let url = api.console(&server).await;
        let token = url.split_once("?token=").unwrap().1.to_owned();
        api.call(&format!("DELETE /compute/v2.1/servers/{server}"), None).await;
        while !api.call("GET /compute/v2.1/servers", None).await["servers"].as_array().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        tokio::task::spawn_blocking(move || refused(at, &token)).await.unwrap(); // with its server it is over
    }
    running.abort();
    second.abort();
}

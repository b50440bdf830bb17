//! The server over real sockets: both protocols, streams, WebSockets, draining.

use crate::service::{router, spec};
use futures_util::StreamExt;
use http::{
    Client, ClientConfig, FaultStyle, Protocol, RawBody, Response, Server, TlsHandle,
    axum::extract::ws::{WebSocket, WebSocketUpgrade},
};
use serde_json::json;
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
    task::JoinHandle,
};

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// A running server; told to stop when asked, and then says whether it drained.
pub struct Running {
    pub address: SocketAddr,
    pub tls: Option<TlsHandle>,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<bool>,
}

impl Running {
    pub async fn start(server: Server) -> Self {
        let bound = server.bind().await.unwrap();
        let address = bound.addresses()[0];
        let tls = bound.tls();
        let (stop, stopped) = oneshot::channel();
        let ended = tokio::spawn(bound.serve(async move {
            let _ = stopped.await;
        }));
        Self { address, tls, stop, ended }
    }

    pub async fn stop(self) -> bool {
        let _ = self.stop.send(());
        self.ended.await.unwrap()
    }
}

pub fn server() -> Server {
    Server::new(LOOPBACK, router(spec(FaultStyle::Nova)))
}

pub async fn echo(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async |mut socket: WebSocket| {
        while let Some(Ok(message)) = socket.recv().await {
            if socket.send(message).await.is_err() {
                return;
            }
        }
    })
}

#[tokio::test]
async fn both_protocols_on_one_port() {
    let running = Running::start(server()).await;
    for protocol in [Protocol::Auto, Protocol::Http2] {
        let client = Client::new(&ClientConfig { protocol, ..ClientConfig::default() }).unwrap();
        let url = format!("http://{}/svc/who", running.address);
        let answer = client.get(&url).token("ann").send().await.unwrap();
        assert_eq!(answer.status, 200, "{protocol:?}");
        assert_eq!(answer.json::<serde_json::Value>().await.unwrap()["user"], "ann");
        let base = client.get(format!("http://{}/svc/base", running.address)).token("ann").send().await.unwrap();
        assert_eq!(
            base.json::<serde_json::Value>().await.unwrap(),
            json!({"base": format!("http://{}/x", running.address)}),
            "{protocol:?}"
        );
        let unknown = client.get(&url).send().await.unwrap();
        assert_eq!(unknown.status, 401);
    }
    assert!(running.stop().await);
}

#[tokio::test]
async fn bodies_stream_both_ways() {
    const CHUNKS: u64 = 3000;
    let running = Running::start(server()).await;
    for protocol in [Protocol::Auto, Protocol::Http2] {
        let client = Client::new(&ClientConfig { protocol, ..ClientConfig::default() }).unwrap();
        let chunks = futures_util::stream::iter(0..CHUNKS).map(|_| Ok::<_, std::io::Error>(vec![7_u8; 1000]));
        let url = format!("http://{}/svc/upload", running.address);
        let sent = client.put(url).token("ann").body(RawBody::from_stream(chunks)).send().await.unwrap();
        assert_eq!(
            sent.json::<serde_json::Value>().await.unwrap(),
            json!({"bytes": CHUNKS * 1000, "sum": CHUNKS * 7000})
        );

        let url = format!("http://{}/svc/count/{CHUNKS}", running.address);
        let mut stream = client.get(url).token("ann").send().await.unwrap().stream();
        let mut bytes = 0;
        while let Some(chunk) = stream.next().await {
            bytes += chunk.unwrap().len() as u64;
        }
        assert_eq!(bytes, CHUNKS * 1000, "{protocol:?}");
    }
    assert!(running.stop().await);
}

/// A client's half of RFC 6455 by hand: the handshake and one masked text frame.
#[tokio::test]
async fn websockets_upgrade() {
    let running = Running::start(server()).await;
    let mut socket = TcpStream::connect(running.address).await.unwrap();
    let request = "GET /svc/echo HTTP/1.1\r\nHost: a\r\nX-Auth-Token: ann\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
    let mask = [1, 2, 3, 4];
    let mut frame = vec![0x81, 0x85];
    frame.extend(mask);
    frame.extend(b"hello".iter().zip(mask.iter().cycle()).map(|(b, m)| b ^ m));
    socket.write_all(&frame).await.unwrap();
    let mut back = [0; 7];
    socket.read_exact(&mut back).await.unwrap();
    assert_eq!(&back, b"\x81\x05hello");
    drop(socket);
    assert!(running.stop().await);
}

/// An upload whose head was sent and whose body the server has asked for: it is being answered.
async fn begun_upload(address: SocketAddr) -> TcpStream {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let head =
        "PUT /svc/upload HTTP/1.1\r\nHost: a\r\nX-Auth-Token: ann\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n";
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut line = [0; 25];
    socket.read_exact(&mut line).await.unwrap();
    assert_eq!(&line, b"HTTP/1.1 100 Continue\r\n\r\n");
    socket
}

#[tokio::test]
async fn draining_finishes_what_is_being_answered() {
    let running = Running::start(server()).await;
    let address = running.address;
    let mut upload = begun_upload(address).await;
    let stopping = tokio::spawn(running.stop());
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!stopping.is_finished(), "no new connections, the old one goes on");
    upload.write_all(&[1; 9]).await.unwrap();
    let mut answer = String::new();
    upload.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with(r#"{"bytes":9,"sum":9}"#), "{answer}");
    assert!(stopping.await.unwrap(), "drained");
}

#[tokio::test]
async fn what_does_not_end_is_dropped_at_the_deadline() {
    let mut server = server();
    server.drain = Duration::from_millis(1);
    let running = Running::start(server).await;
    let upload = begun_upload(running.address).await;
    assert!(!running.stop().await);
    drop(upload);
}

#[tokio::test]
async fn connections_are_bounded() {
    let mut server = server();
    server.max_connections = 1;
    let running = Running::start(server).await;
    let request = b"GET /svc/open HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut first = TcpStream::connect(running.address).await.unwrap();
    first.write_all(request).await.unwrap();
    assert_ne!(first.read_u8().await.unwrap(), 0);
    let mut second = TcpStream::connect(running.address).await.unwrap();
    second.write_all(request).await.unwrap();
    let mut byte = [0; 1];
    assert!(second.try_read(&mut byte).is_err(), "the second waits");
    drop(first);
    assert_eq!(second.read_u8().await.unwrap(), b'H', "until the first is gone");
    drop(second);
    assert!(running.stop().await);
}

#[tokio::test]
async fn garbage_ends_only_its_connection() {
    let running = Running::start(server()).await;
    for garbage in [
        &b"\x16\x03\x01\x02\x00"[..],
        b"GET\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nxxxxxxxxxxxxxxxxx",
        b"\0\0\0\0",
    ] {
        let mut socket = TcpStream::connect(running.address).await.unwrap();
        socket.write_all(garbage).await.unwrap();
        socket.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{garbage:?}");
    }
    let client = Client::new(&ClientConfig::default()).unwrap();
    assert_eq!(client.get(format!("http://{}/svc/open", running.address)).send().await.unwrap().status, 200);
    drop(client);
    assert!(running.stop().await);
}

#[tokio::test]
async fn a_listener_of_somebody_else() {
    let listener = std::net::TcpListener::bind(LOOPBACK).unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(http::serve_listener(listener, router(spec(FaultStyle::Nova)), async {
        let _ = stopped.await;
    }));
    let client = Client::new(&ClientConfig::default()).unwrap();
    assert_eq!(client.get(format!("http://{address}/svc/open")).send().await.unwrap().status, 200);
    drop(client);
    stop.send(()).unwrap();
    assert!(serving.await.unwrap().unwrap());
}

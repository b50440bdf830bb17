//! A client of QEMU's machine protocol (QMP): JSON lines over a Unix socket.
//!
//! ```text
//!   execute ──▶ writer task ──▶ socket ──▶ reader task ──┬─ answer with our id ─▶ the waiting execute
//!                                                        └─ event ──────────────▶ every subscriber, in order
//! ```
//!
//! Invariants
//! - An answer reaches the call that asked: each command carries an id of its own, so a late answer to a call that gave up is
//!   dropped, never taken for another's.
//! - A call ends: by its answer, by its time, or because the connection closed. The last two mean "outcome unknown".
//! - A subscriber that subscribed before a command sees every event the command causes, or learns that it lagged.
//! - After the connection closed, nothing waits on it: the table of waiters is taken away under its lock, so none can enter later.

use super::sockets;
use kernel::Error;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::unix::{OwnedReadHalf, OwnedWriteHalf},
    sync::{broadcast, mpsc, oneshot},
    time::{Instant, timeout, timeout_at},
};

/// A line longer than this is not QEMU speaking; the connection is dropped rather than the memory filled.
const LINE_LIMIT: u64 = 16 << 20;

#[derive(Debug, thiserror::Error)]
pub enum QmpError {
    /// QEMU said no: the command did not happen.
    #[error("{command}: {desc}")]
    Refused { command: String, class: String, desc: String },
    #[error("{command}: no answer within {} s", .after.as_secs())]
    Timeout { command: String, after: Duration },
    #[error("{command}: the connection to QEMU closed")]
    Closed { command: String },
    #[error("speaking to QEMU: {0}")]
    Io(#[from] io::Error),
    #[error("QEMU's greeting is not one: {0}")]
    Greeting(String),
}

impl QmpError {
    /// The device or node meant is not there.
    pub fn not_found(&self) -> bool {
        matches!(self, Self::Refused { class, .. } if class == "DeviceNotFound")
    }

    /// `Internal` when QEMU refused (nothing happened), `Unavailable` when nobody knows.
    pub fn while_doing(self, doing: &str) -> Error {
        match self {
            Self::Refused { .. } => Error::internal(doing).with_source(self),
            unknown => Error::unavailable("the hypervisor does not answer").with_internal(doing).with_source(unknown),
        }
    }
}

pub type QmpResult<T> = Result<T, QmpError>;

/// What QEMU tells unasked.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    Event {
        name: String,
        data: Value,
    },
    /// The connection ended; nothing follows.
    Closed,
}

impl Notice {
    /// True for `DEVICE_DELETED` of this very device (QEMU sends another one for its virtio half, without an id).
    pub fn deleted(&self, device: &str) -> bool {
        matches!(self, Self::Event { name, data } if name == "DEVICE_DELETED" && data["device"] == device)
    }
}

type Answer = Result<Value, (String, String)>;
/// `None` once the connection has closed.
type Waiters = Mutex<Option<HashMap<u64, oneshot::Sender<Answer>>>>;

/// One connection; clones share it. It closes when the last clone is gone.
#[derive(Clone, Debug)]
pub struct Qmp {
    lines: mpsc::Sender<String>,
    waiters: Arc<Waiters>,
    notices: broadcast::Sender<Notice>,
    next_id: Arc<AtomicU64>,
    patience: Duration,
}

impl Qmp {
    /// Connects by `deadline`, reads the greeting and negotiates. `patience` is for each later answer. The receiver has every
    /// notice of this connection, from its first.
    pub async fn connect(
        path: &Path,
        deadline: Instant,
        patience: Duration,
    ) -> QmpResult<(Self, broadcast::Receiver<Notice>)> {
        let after = deadline.saturating_duration_since(Instant::now());
        let late = || QmpError::Timeout { command: "connect".into(), after };
        let stream = timeout_at(deadline, sockets::connect(path)).await.map_err(|_| late())??;
        let (read, write) = stream.into_split();
        let mut read = BufReader::new(read);
        timeout_at(deadline, read_greeting(&mut read)).await.map_err(|_| late())??;
        let (lines, queue) = mpsc::channel(64);
        let qmp = Self {
            lines,
            waiters: Arc::new(Mutex::new(Some(HashMap::new()))),
            notices: broadcast::channel(1024).0,
            next_id: Arc::new(AtomicU64::new(1)),
            patience,
        };
        let notices = qmp.notices();
        tokio::spawn(write_lines(write, queue));
        tokio::spawn(read_lines(read, qmp.waiters.clone(), qmp.notices.clone()));
        qmp.execute("qmp_capabilities", json!({})).await?;
        Ok((qmp, notices))
    }

    /// Every notice from now on.
    pub fn notices(&self) -> broadcast::Receiver<Notice> {
        self.notices.subscribe()
    }

    pub async fn execute(&self, command: &str, arguments: Value) -> QmpResult<Value> {
        let closed = || QmpError::Closed { command: command.into() };
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        self.waiters.lock().as_mut().ok_or_else(closed)?.insert(id, answer);
        let line = json!({ "execute": command, "arguments": arguments, "id": id }).to_string() + "\n";
        let both = async {
            self.lines.send(line).await.map_err(|_| closed())?;
            answered.await.map_err(|_| closed())
        };
        let outcome = timeout(self.patience, both).await;
        if let Some(waiters) = self.waiters.lock().as_mut() {
            waiters.remove(&id);
        }
        match outcome {
            Err(_) => Err(QmpError::Timeout { command: command.into(), after: self.patience }),
            Ok(Err(e)) => Err(e),
            Ok(Ok(Ok(value))) => Ok(value),
            Ok(Ok(Err((class, desc)))) => Err(QmpError::Refused { command: command.into(), class, desc }),
        }
    }
}

async fn read_line(read: &mut BufReader<OwnedReadHalf>) -> io::Result<String> {
    let mut line = String::new();
    if read.take(LINE_LIMIT).read_line(&mut line).await? == 0 || !line.ends_with('\n') {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line)
}

async fn write_lines(mut write: OwnedWriteHalf, mut queue: mpsc::Receiver<String>) {
    while let Some(line) = queue.recv().await {
        // A broken pipe shows as the end of the stream to the reader, which tells everybody.
        if write.write_all(line.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn read_lines(mut read: BufReader<OwnedReadHalf>, waiters: Arc<Waiters>, notices: broadcast::Sender<Notice>) {
    while let Ok(line) = read_line(&mut read).await {
        let Ok(mut message) = serde_json::from_str::<Value>(&line) else {
            tracing::warn!(line = %line.trim_end(), "QEMU sent what is not JSON");
            break;
        };
        if let Some(name) = message["event"].as_str() {
            let notice = Notice::Event { name: name.into(), data: message["data"].clone() };
            // Nobody listening is fine: state is asked for, events only say when to ask.
            let _ = notices.send(notice);
        } else if let Some(id) = message["id"].as_u64() {
            let waiter = waiters.lock().as_mut().and_then(|w| w.remove(&id));
            if let Some(waiter) = waiter {
                let _ = waiter.send(answer(&mut message));
            }
        }
    }
    waiters.lock().take();
    let _ = notices.send(Notice::Closed);
}

fn answer(message: &mut Value) -> Answer {
    match message.get("error") {
        None => Ok(message["return"].take()),
        Some(error) => {
            let text = |key: &str| error[key].as_str().unwrap_or_default().to_owned();
            Err((text("class"), text("desc")))
        }
    }
}

/// What QEMU tells everybody may come before its greeting to a new listener; who has connected asks for the state afterwards.
async fn read_greeting(read: &mut BufReader<OwnedReadHalf>) -> QmpResult<()> {
    loop {
        let line = read_line(read).await?;
        match serde_json::from_str::<Value>(&line) {
            Ok(greeting) if greeting["QMP"].is_object() => return Ok(()),
            Ok(event) if event["event"].is_string() => {}
            _ => return Err(QmpError::Greeting(line.chars().take(100).collect())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::UnixListener;

    /// A QEMU with news before its greeting, that answers `ping`, refuses `bad`, sends an event on `noise`, says nothing to `hang` and hangs up on `die`.
    async fn server(listener: UnixListener) {
        let (read, mut write) = listener.accept().await.unwrap().0.into_split();
        let mut lines = BufReader::new(read).lines();
        write.write_all(b"{\"event\": \"RESUME\", \"timestamp\": {}}\r\n").await.unwrap();
        write.write_all(b"{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n").await.unwrap();
        while let Ok(Some(line)) = lines.next_line().await {
            let ask: Value = serde_json::from_str(&line).unwrap();
            let id = &ask["id"];
            let reply = match ask["execute"].as_str().unwrap() {
                "bad" => json!({"id": id, "error": {"class": "DeviceNotFound", "desc": "no such thing"}}).to_string(),
                "noise" => format!(
                    "{}\r\n{}",
                    json!({"event": "DEVICE_DELETED", "data": {"device": "d"}, "timestamp": {}}),
                    json!({"id": id, "return": {}})
                ),
                "hang" => continue,
                "die" => return,
                _ => json!({"id": id, "return": ask["arguments"]}).to_string(),
            };
            write.write_all((reply + "\r\n").as_bytes()).await.unwrap();
        }
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(30)
    }

    #[tokio::test]
    async fn answers_events_timeouts_and_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("q");
        tokio::spawn(server(UnixListener::bind(&path).unwrap()));
        let (qmp, mut notices) = Qmp::connect(&path, soon(), Duration::from_millis(300)).await.unwrap();
        assert_eq!(qmp.execute("ping", json!({"a": 1})).await.unwrap(), json!({"a": 1}));
        assert!(qmp.execute("bad", json!({})).await.unwrap_err().not_found());
        qmp.execute("noise", json!({})).await.unwrap();
        assert!(notices.recv().await.unwrap().deleted("d"));
        assert!(matches!(qmp.execute("hang", json!({})).await, Err(QmpError::Timeout { .. })));
        assert_eq!(qmp.execute("ping", json!({"b": 2})).await.unwrap(), json!({"b": 2}));
        assert!(matches!(qmp.execute("die", json!({})).await, Err(QmpError::Closed { .. })));
        assert_eq!(notices.recv().await.unwrap(), Notice::Closed);
        assert!(matches!(qmp.execute("ping", json!({})).await, Err(QmpError::Closed { .. })));
    }

    #[tokio::test]
    async fn a_stranger_on_the_socket_is_not_taken_for_qemu() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("q");
        let listener = UnixListener::bind(&path).unwrap();
        tokio::spawn(async move {
            listener.accept().await.unwrap().0.write_all(b"SSH-2.0-x\r\n").await.unwrap();
        });
        let e = Qmp::connect(&path, soon(), Duration::from_secs(30)).await.unwrap_err();
        assert!(matches!(e, QmpError::Greeting(_)), "{e}");
    }
}

//! TCP links that can be cut, as a pulled cable cuts them: nothing arrives and nobody is told. When the cable is back, what was
//! held arrives, late.
//!
//! Between etcd members a link is told by its ends: who dials says who it is in its first request (`X-Server-From`).

use parking_lot::Mutex;
use std::{collections::HashSet, net::SocketAddr, sync::Arc};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    sync::watch,
    task::JoinHandle,
};

/// Who is cut off: members' names.
#[derive(Clone, Default)]
pub struct Cuts {
    cut: Arc<watch::Sender<HashSet<String>>>,
    /// The names behind the ids in `X-Server-From`.
    names: Arc<Mutex<Vec<(String, String)>>>,
}

impl Cuts {
    pub fn name(&self, id: u64, name: &str) {
        self.names.lock().push((format!("{id:x}"), name.to_owned()));
    }

    pub fn set(&self, member: &str, cut: bool) {
        self.cut.send_modify(|all| {
            if cut {
                all.insert(member.to_owned())
            } else {
                all.remove(member)
            };
        });
    }

    /// Waits until none of both ends is cut off.
    async fn open(&self, to: &str, from: &Option<String>) {
        let cut = |all: &HashSet<String>| all.contains(to) || from.as_ref().is_some_and(|from| all.contains(from));
        let _ = self.cut.subscribe().wait_for(|all| !cut(all)).await; // the sender is in self
    }

    fn sender(&self, first: &[u8]) -> Option<String> {
        let text = String::from_utf8_lossy(first);
        let line = text.lines().find(|l| l.to_ascii_lowercase().starts_with("x-server-from:"))?;
        let id = line.split_once(':')?.1.trim();
        self.names.lock().iter().find(|(known, _)| known == id).map(|(_, name)| name.clone())
    }
}

/// A port that leads to a member.
pub struct Proxy {
    pub port: u16,
    task: JoinHandle<()>,
}

impl Proxy {
    pub async fn new(cuts: Cuts, member: &str, target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let (port, member) = (listener.local_addr().expect("bound").port(), member.to_owned());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(link(cuts.clone(), member.clone(), stream, target));
            }
        });
        Self { port, task }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn link(cuts: Cuts, to: String, stream: TcpStream, target: u16) {
    let (mut near_in, near_out) = stream.into_split();
    let mut first = vec![0; 4096];
    let Ok(length) = near_in.read(&mut first).await else { return };
    first.truncate(length);
    let from = cuts.sender(&first);
    cuts.open(&to, &from).await;
    let Ok(far) = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], target))).await else { return };
    let (far_in, mut far_out) = far.into_split();
    if far_out.write_all(&first).await.is_err() {
        return;
    }
    // Either end closing closes both.
    tokio::select! {
        () = pump(&cuts, &to, &from, near_in, far_out) => {}
        () = pump(&cuts, &to, &from, far_in, near_out) => {}
    }
}

async fn pump(cuts: &Cuts, to: &str, from: &Option<String>, mut input: OwnedReadHalf, mut output: OwnedWriteHalf) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(length @ 1..) = input.read(&mut buffer).await {
        cuts.open(to, from).await;
        if output.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

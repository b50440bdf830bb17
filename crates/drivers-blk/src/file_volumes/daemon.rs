//! One `qemu-storage-daemon`: an empty process with a monitor, which is then told what to be. So what is missing in one that a
//! crash left half made can be seen and added, and every refusal comes as an answer.

use super::{
    config::FileVolumesConfig,
    pool::VolumeDir,
    process::{Home, Process},
    qmp::{Qmp, QmpError},
};
use kernel::{Error, Result, error::Doing};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    io,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// The name of the block node that a daemon exports.
pub(super) const DISK: &str = "disk";
/// The same below its limits, if it has had some.
pub(super) const LIMITED: &str = "limited";
/// The object that has them.
pub(super) const LIMITS: &str = "limits";

#[derive(Debug)]
pub(super) struct Daemon {
    home: Home,
    monitor: PathBuf,
    /// Where its NBD server listens on TCP.
    port: Option<SocketAddr>,
    binary: PathBuf,
    patience: Duration,
}

/// [`Error::code`] of a port that another program has.
pub(super) const PORT_TAKEN: &str = "port_taken";

impl Daemon {
    /// The one that has the volume's file open.
    pub(super) fn disk(volume: &VolumeDir, config: &FileVolumesConfig) -> Self {
        Self::new(volume.home("disk"), volume.socket("qmp"), config)
    }

    /// The one that passes it on to other hosts.
    pub(super) fn gateway(volume: &VolumeDir, config: &FileVolumesConfig) -> Self {
        Self::new(volume.home("gateway"), volume.socket("gw"), config)
    }

    #[must_use]
    pub(super) fn listening(self, port: SocketAddr) -> Self {
        Self { port: Some(port), ..self }
    }

    fn new(home: PathBuf, monitor: PathBuf, config: &FileVolumesConfig) -> Self {
        let (binary, patience) = (config.storage_daemon.clone(), config.patience);
        Self { home: Home::new(home), monitor, port: None, binary, patience }
    }

    /// The socket is made here and inherited, for QEMU before 8.1 leaves Nagle's delay on in its NBD server: with several requests
    /// under way each answer would wait 40 ms for the client's acknowledgement. Connections have the option from their listener.
    fn listen(&self) -> Result<Option<TcpListener>> {
        let Some(port) = self.port else { return Ok(None) };
        let listener = TcpListener::bind(port).map_err(|e| match e.kind() {
            io::ErrorKind::AddrInUse => Error::unavailable(format!("{port} is in use")).with_code(PORT_TAKEN),
            _ => Error::internal(format!("listening on {port}")).with_source(e),
        })?;
        rustix::net::sockopt::set_tcp_nodelay(&listener, true).doing("setting up a volume's port")?;
        Ok(Some(listener))
    }

    fn args(&self) -> Result<Vec<String>> {
        let monitor = escaped(&self.monitor)?;
        let mut args = vec!["--chardev".into(), format!("socket,id=qmp,path={monitor},server=on,wait=off")];
        args.extend(["--monitor", "chardev=qmp"].map(String::from));
        if self.port.is_some() {
            args.extend(["--nbd-server", "addr.type=fd,addr.str=1"].map(String::from));
        }
        Ok(args)
    }

    pub(super) async fn process(&self) -> Result<Option<Process>> {
        self.home.running(self.patience).await
    }

    /// A conversation with the daemon, which is started if it does not run.
    pub(super) async fn converse(&self) -> Result<Qmp> {
        let process = self.home.start(&self.binary, &self.args()?, || self.listen(), self.patience).await?;
        let deadline = Instant::now() + self.patience;
        loop {
            let e = match Qmp::connect(&self.monitor, self.patience).await {
                Ok(qmp) => return Ok(qmp),
                Err(e) => e,
            };
            if process.exits_within(Duration::from_millis(10)).await {
                return Err(Error::internal("qemu-storage-daemon ended at once").with_internal(self.home.last_words()));
            }
            // Not there yet, or a dead one's socket.
            let early = matches!(&e, QmpError::Io(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused));
            if !early || Instant::now() > deadline {
                return Err(e.while_doing("speaking to a storage daemon"));
            }
        }
    }

    /// Ends the daemon: politely, else by force. Writes are on the disk before they are acknowledged, so force loses nothing.
    pub(super) async fn stop(&self) -> Result<()> {
        if let Some(process) = self.process().await? {
            if let Ok(mut qmp) = Qmp::connect(&self.monitor, Duration::from_secs(2)).await {
                // Its end is its answer.
                let _ = qmp.execute("quit", json!({})).await;
            }
            process.exits_within(Duration::from_secs(5)).await;
        }
        self.home.sweep(self.patience).await?;
        let _ = std::fs::remove_file(&self.monitor);
        Ok(())
    }
}

/// A path as a value in QEMU's option syntax.
fn escaped(path: &Path) -> Result<String> {
    text(path).map(|p| p.replace(',', ",,"))
}

pub(super) fn text(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| Error::bad_request(format!("the path {} is not UTF-8", path.display())))
}

/// The daemon's block nodes: name and size.
#[derive(Debug)]
pub(super) struct Nodes(Vec<(String, u64)>);

impl Nodes {
    pub(super) async fn of(qmp: &mut Qmp) -> Result<Self, QmpError> {
        let answer = qmp.execute("query-named-block-nodes", json!({"flat": true})).await?;
        let node = |n: &Value| Some((n["node-name"].as_str()?.to_owned(), n["image"]["virtual-size"].as_u64()?));
        Ok(Self(answer.as_array().into_iter().flatten().filter_map(node).collect()))
    }

    pub(super) fn size(&self, name: &str) -> Option<u64> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, size)| *size)
    }
}

/// Adds a node unless it is there.
pub(super) async fn add_node(qmp: &mut Qmp, nodes: &Nodes, node: Value) -> Result<(), QmpError> {
    match node["node-name"].as_str().and_then(|name| nodes.size(name)) {
        Some(_) => Ok(()),
        None => qmp.execute("blockdev-add", node).await.map(drop),
    }
}

pub(super) async fn start_server(qmp: &mut Qmp, address: Value) -> Result<(), QmpError> {
    match qmp.execute("nbd-server-start", json!({"addr": address})).await {
        Err(e) if e.says("already running") => Ok(()),
        other => other.map(drop),
    }
}

/// How a node is exported; part of the export's id, so that it can be read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    ReadOnly,
    ReadWrite,
}

impl Access {
    pub(super) fn of(read_only: bool) -> Self {
        if read_only { Self::ReadOnly } else { Self::ReadWrite }
    }

    const fn id(self) -> &'static str {
        match self {
            Self::ReadOnly => "ro",
            Self::ReadWrite => "rw",
        }
    }
}

/// When a write is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writes {
    /// When it is on the disk.
    Through,
    /// When whoever is below has acknowledged it.
    Passed,
}

/// Sees to it that the node is exported under `name`, with this access and no other.
pub(super) async fn export(
    qmp: &mut Qmp,
    name: &str,
    node: &str,
    access: Access,
    writes: Writes,
) -> Result<(), QmpError> {
    if exported(qmp).await?.is_some_and(|known| known.access == access && known.node == node) {
        return Ok(());
    }
    withdraw(qmp).await?;
    let export = json!({
        "type": "nbd", "id": access.id(), "node-name": node, "name": name,
        "writable": access == Access::ReadWrite, "writethrough": writes == Writes::Through,
    });
    qmp.execute("block-export-add", export).await.map(drop)
}

/// How the disk is exported.
#[derive(Debug)]
pub(super) struct Exported {
    pub(super) access: Access,
    node: String,
}

pub(super) async fn exported(qmp: &mut Qmp) -> Result<Option<Exported>, QmpError> {
    let known = |export: Export| {
        let access = [Access::ReadOnly, Access::ReadWrite].into_iter().find(|access| access.id() == export.id);
        access.filter(|_| !export.shutting_down).map(|access| Exported { access, node: export.node_name })
    };
    Ok(exports(qmp).await?.into_iter().find_map(known))
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Export {
    id: String,
    node_name: String,
    shutting_down: bool,
}

async fn exports(qmp: &mut Qmp) -> Result<Vec<Export>, QmpError> {
    let answer = qmp.execute("query-block-exports", json!({})).await?;
    serde_json::from_value(answer).map_err(|e| QmpError::Io(e.into()))
}

/// Ends every export at once. Clients see their connection close and come back (`reconnect-delay`).
pub(super) async fn withdraw(qmp: &mut Qmp) -> Result<(), QmpError> {
    for export in exports(qmp).await?.iter().filter(|e| !e.shutting_down) {
        qmp.execute("block-export-del", json!({"id": export.id, "mode": "hard"})).await?;
    }
    // An export is gone once the last request of its clients has ended.
    let deadline = Instant::now() + qmp.patience();
    while !exports(qmp).await?.is_empty() {
        if Instant::now() > deadline {
            return Err(QmpError::Timeout { command: "block-export-del".into(), after: qmp.patience() });
        }
        sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpStream;

    #[test]
    fn connections_do_not_wait_for_nagle() {
        let daemon = Daemon {
            home: Home::new("/nowhere".into()),
            monitor: "/nowhere/qmp".into(),
            port: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
            binary: "none".into(),
            patience: Duration::from_secs(1),
        };
        let listener = daemon.listen().unwrap().expect("it has a port");
        let port = listener.local_addr().unwrap();
        let _client = TcpStream::connect(port).unwrap();
        assert!(listener.accept().unwrap().0.nodelay().unwrap(), "a connection has its listener's options");
        let taken = Daemon { port: Some(port), ..daemon }.listen().unwrap_err();
        assert_eq!(taken.code(), Some(PORT_TAKEN));
    }

    #[test]
    fn paths_survive_qemus_option_syntax() {
        assert_eq!(escaped(Path::new("/a,b/c=d")).unwrap(), "/a,,b/c=d");
    }
}

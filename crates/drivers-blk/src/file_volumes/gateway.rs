//! How other hosts reach a volume: a second daemon that is a client of the first and serves what it sees on TCP. One NBD server
//! has one address, and the volume's own daemon listens on its Unix socket, for guests of this host. The gateway keeps nothing:
//! what it acknowledges the volume's daemon has acknowledged, so it can be ended and started at any time.

use super::{
    config::{FileVolumesConfig, TcpExports},
    daemon::{self, Access, DISK, Daemon, Nodes, PORT_TAKEN, Writes, text},
    pool::VolumeDir,
    qmp::{Qmp, QmpError},
};
use kernel::{Error, Result};
use serde_json::json;
use std::net::SocketAddr;

/// Whether a gateway could take a port.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    Ours,
    /// By another program.
    Foreign,
}

/// The gateway, serving a disk of `size` bytes.
pub(super) async fn serve(
    volume: &VolumeDir,
    config: &FileVolumesConfig,
    tcp: &TcpExports,
    port: u16,
    access: Access,
    size: u64,
) -> Result<Taken> {
    let daemon = Daemon::gateway(volume, config).listening(SocketAddr::new(tcp.address, port));
    let mut qmp = match daemon.converse().await {
        Err(e) if e.code() == Some(PORT_TAKEN) => return Ok(Taken::Foreign),
        qmp => qmp?,
    };
    // An NBD client learns size and access only when it opens: one that is behind is replaced.
    if is_behind(&mut qmp, access, size).await.map_err(|e| e.while_doing("looking at a gateway"))? {
        drop(qmp);
        daemon.stop().await?;
        qmp = daemon.converse().await?;
    }
    let done = converge(&mut qmp, volume, access).await;
    done.map(|()| Taken::Ours).map_err(|e| e.while_doing("exporting a volume to another host"))
}

async fn is_behind(qmp: &mut Qmp, access: Access, size: u64) -> Result<bool, QmpError> {
    let known = Nodes::of(qmp).await?.size(DISK);
    let exported = daemon::exported(qmp).await?;
    Ok(known.is_some_and(|known| known != size) || exported.is_some_and(|exported| exported.access != access))
}

async fn converge(qmp: &mut Qmp, volume: &VolumeDir, access: Access) -> Result<(), QmpError> {
    let socket = volume.socket("nbd");
    let server = json!({"type": "unix", "path": text(&socket).unwrap_or_default()});
    let disk = json!({
        "driver": "nbd", "node-name": DISK, "server": server, "export": volume.id.as_str(),
        "read-only": access == Access::ReadOnly, "discard": "unmap", "reconnect-delay": 60, "open-timeout": 10,
    });
    let nodes = Nodes::of(qmp).await?;
    daemon::add_node(qmp, &nodes, disk).await?;
    daemon::export(qmp, volume.id.as_str(), DISK, access, Writes::Passed).await
}

/// The first port of the range that is free of `taken`, from `after` on.
pub(super) fn next_port(tcp: &TcpExports, after: Option<u16>, taken: &[u16]) -> Result<u16> {
    let free = tcp.ports.clone().find(|port| after.is_none_or(|after| *port > after) && !taken.contains(port));
    let (first, last) = (tcp.ports.start(), tcp.ports.end());
    free.ok_or_else(|| Error::unavailable(format!("no port between {first} and {last} is free for a volume's export")))
}

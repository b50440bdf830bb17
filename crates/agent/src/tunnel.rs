//! A guest's screen, brought to a member: a byte stream between a QEMU's socket and whoever looks.
//!
//! ```text
//!   member                                         host
//!     Gateway::screen ── Call vm.open_screen ──▶ opens the guest's socket
//!           ▲                                      │ MemberLink::tunnel(id)
//!           └────────── id, both directions ◀──────┘ (in process, or one HTTP/2 exchange whose bodies are the two directions)
//! ```
//!
//! The host dials, as with everything else: members never reach a host. A tunnel's id is good once, for the host that was
//! called, while its caller waits.

use crate::Gateway;
use kernel::{Error, HostName, Result, ServerId};
use ports::HostCalls;
use serde_json::json;
use std::{sync::atomic::Ordering, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::oneshot,
};

/// Both directions of a tunnel.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}
pub type Tunnel = Box<dyn Duplex>;

const PATIENCE: Duration = Duration::from_secs(10);
/// What may be on its way in one direction.
pub(crate) const BUFFER: usize = 64 << 10;

/// A caller that waits for a host to dial.
pub(crate) struct Expected {
    pub(crate) host: HostName,
    pub(crate) arrival: oneshot::Sender<Tunnel>,
}

/// Forgets an expected tunnel when its caller gives up.
struct Expecting<'a>(&'a Gateway, u64);

impl Drop for Expecting<'_> {
    fn drop(&mut self) {
        self.0.tunnels.lock().remove(&self.1);
    }
}

impl Gateway {
    /// The screen of a guest of `host`, as RFB.
    pub async fn screen(&self, host: &HostName, server: &ServerId) -> Result<Tunnel> {
        let (id, (arrival, arrived)) = (self.next.fetch_add(1, Ordering::Relaxed), oneshot::channel());
        self.tunnels.lock().insert(id, Expected { host: host.clone(), arrival });
        let _expecting = Expecting(self, id);
        self.call(host, "vm.open_screen", json!({"server": server, "tunnel": id}), PATIENCE).await?;
        let late = || Error::unavailable(format!("host {host} did not open the screen of {server} in time"));
        tokio::time::timeout(PATIENCE, arrived).await.map_err(|_| late())?.map_err(|_| late())
    }

    /// A host has dialled.
    pub(crate) fn tunnel_arrived(&self, host: &HostName, id: u64, tunnel: Tunnel) -> Result<()> {
        let mut tunnels = self.tunnels.lock();
        let expected = tunnels.remove(&id).filter(|e| e.host == *host);
        drop(tunnels);
        let nobody = || Error::not_found(format!("nobody waits for the tunnel {id}"));
        expected.ok_or_else(nobody)?.arrival.send(tunnel).map_err(|_| nobody())
    }
}

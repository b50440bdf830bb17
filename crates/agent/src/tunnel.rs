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
use ports::{HostCalls, hosts::Call};
use serde_json::json;
use std::{sync::atomic::Ordering, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
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

/// A call's arguments with the tunnel that it shall dial.
struct Begun<'a> {
    params: serde_json::Value,
    arrived: oneshot::Receiver<Tunnel>,
    _expecting: Expecting<'a>,
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

    /// Two calls whose hosts dial one tunnel each; what comes by the one goes by the other.
    pub(crate) async fn join_calls(&self, from: Call<'_>, to: Call<'_>, within: Duration) -> Result<()> {
        let joined = async {
            let (sender, receiver) = (self.begin_tunnel(&from), self.begin_tunnel(&to));
            let pour = async {
                let late = |_| Error::unavailable("a host did not open its end of a transfer");
                let (mut sends, mut receives) =
                    (sender.arrived.await.map_err(late)?, receiver.arrived.await.map_err(late)?);
                tokio::io::copy(&mut sends, &mut receives)
                    .await
                    .map_err(|e| Error::unavailable("a transfer between hosts was cut off").with_source(e))?;
                receives.shutdown().await.map_err(|e| Error::unavailable("ending a transfer").with_source(e))
            };
            let send = self.call(from.host, from.method, sender.params, within);
            let receive = self.call(to.host, to.method, receiver.params, within);
            tokio::try_join!(pour, send, receive).map(drop)
        };
        let late = |_| Error::unavailable("a transfer between hosts took too long");
        tokio::time::timeout(within, joined).await.map_err(late)?
    }

    fn begin_tunnel<'a>(&'a self, call: &Call<'_>) -> Begun<'a> {
        let (id, (arrival, arrived)) = (self.next.fetch_add(1, Ordering::Relaxed), oneshot::channel());
        self.tunnels.lock().insert(id, Expected { host: call.host.clone(), arrival });
        let mut params = call.params.clone();
        params["tunnel"] = id.into();
        Begun { params, arrived, _expecting: Expecting(self, id) }
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

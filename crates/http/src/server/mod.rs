//! The listening side: HTTP/1.1 and HTTP/2 on one port, with or without TLS, WebSockets included.
//!
//! ```text
//!   accept ──permit──► handshake (≤ 10 s) ──► connection task ──► router
//!      ▲                                            │
//!      └── shutdown: accept no more, finish what is being answered, at the deadline drop the rest
//! ```
//!
//! A connection is a task whose panic is its own. Connections are bounded; beyond the bound clients wait in the
//! kernel's queue, which tells them more than a refusal would.

pub(crate) mod tls;

pub use tls::{ClientAuth, PeerCert, TlsConfig};

use crate::OverTls;
use axum::{Router, body::Body, extract::Request};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto::Builder,
        graceful::{GracefulShutdown, Watcher},
    },
    service::TowerToHyperService,
};
use kernel::{Result, error::Doing};
use parking_lot::RwLock;
use std::{
    future::Future,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use telemetry::{metrics, spawn_caught};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tower::{ServiceExt, service_fn};

const HANDSHAKE: Duration = Duration::from_secs(10);
/// Also how long an idle HTTP/1 connection is kept.
const HEADER_READ: Duration = Duration::from_secs(90);
/// A peer whose cable was cut says nothing, forever. Who has been silent this long is asked, on both ends,
pub(crate) const H2_PING: Duration = Duration::from_secs(5);
/// and who has not answered by then is gone. A host that has gone is not waited for: its servers are evacuated.
pub(crate) const H2_PATIENCE: Duration = Duration::from_secs(10);
const H2_WINDOW: u32 = 1024 * 1024;
const H2_STREAMS: u32 = 1024;
const MAX_CONNECTIONS: usize = 16_384;
const DRAIN: Duration = Duration::from_secs(30);
/// After a failed accept (out of file descriptors, mostly): time for others to close theirs.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Where the client connected from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddr(pub SocketAddr);

/// A server before it runs.
pub struct Server {
    pub bind: Vec<SocketAddr>,
    pub tls: Option<TlsConfig>,
    pub router: Router,
    pub max_connections: usize,
    /// How long connections may go on with what they are answering after the shutdown.
    pub drain: Duration,
}

impl Server {
    pub fn new(bind: SocketAddr, router: Router) -> Self {
        Self { bind: vec![bind], tls: None, router, max_connections: MAX_CONNECTIONS, drain: DRAIN }
    }

    /// Binds all addresses, or none.
    pub async fn bind(self) -> Result<Bound> {
        let mut listeners = Vec::new();
        for address in &self.bind {
            let listener = TcpListener::bind(address).await.doing(&format!("listening on {address}"))?;
            listeners.push(listener);
        }
        self.listen_on(listeners)
    }

    fn listen_on(self, listeners: Vec<TcpListener>) -> Result<Bound> {
        let tls = self.tls.as_ref().map(TlsConfig::acceptor).transpose()?;
        let mut http = Builder::new(TokioExecutor::new());
        http.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_READ);
        http.http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(H2_PING)
            .keep_alive_timeout(H2_PATIENCE)
            .initial_stream_window_size(H2_WINDOW)
            .initial_connection_window_size(4 * H2_WINDOW)
            .max_concurrent_streams(H2_STREAMS);
        let permits = Arc::new(Semaphore::new(self.max_connections));
        let tls = tls.map(|acceptor| Arc::new(RwLock::new(acceptor)));
        let shared = Shared { tls, router: self.router, http };
        Ok(Bound { listeners, shared: Arc::new(shared), permits, drain: self.drain })
    }
}

struct Shared {
    tls: Option<Arc<RwLock<TlsAcceptor>>>,
    router: Router,
    http: Builder<TokioExecutor>,
}

/// A server that has its ports.
pub struct Bound {
    listeners: Vec<TcpListener>,
    shared: Arc<Shared>,
    permits: Arc<Semaphore>,
    drain: Duration,
}

impl Bound {
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().filter_map(|l| l.local_addr().ok()).collect()
    }

    /// For putting renewed certificates in force; `None` without TLS.
    pub fn tls(&self) -> Option<TlsHandle> {
        self.shared.tls.clone().map(TlsHandle)
    }

    /// Serves until `shutdown` resolves, then drains. True if every connection came to its end in time.
    pub async fn serve(self, shutdown: impl Future<Output = ()> + Send + 'static) -> bool {
        let graceful = Arc::new(GracefulShutdown::new());
        let mut accepting = Vec::new();
        for listener in self.listeners {
            let (shared, permits, graceful) = (self.shared.clone(), self.permits.clone(), graceful.clone());
            accepting.push(spawn_caught("http-accept", accept(listener, shared, permits, graceful)));
        }
        shutdown.await;
        for task in accepting {
            task.abort();
            // Cancelled is what it shall be. Once it is, its share of `graceful` is gone.
            let _ = task.await;
        }
        match Arc::into_inner(graceful) {
            Some(graceful) => timeout(self.drain, graceful.shutdown()).await.is_ok(),
            None => false,
        }
    }
}

/// Replaces a running server's certificates and authorities. Connections that exist keep theirs.
#[derive(Clone)]
pub struct TlsHandle(Arc<RwLock<TlsAcceptor>>);

impl TlsHandle {
    /// With an error nothing changes.
    pub fn replace(&self, config: &TlsConfig) -> Result<()> {
        *self.0.write() = config.acceptor()?;
        Ok(())
    }
}

/// Serves `router` on a listener that somebody else bound, without TLS.
pub async fn serve_listener(
    listener: std::net::TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<bool> {
    listener.set_nonblocking(true).doing("making the listener non-blocking")?;
    let listener = TcpListener::from_std(listener).doing("taking over the listener")?;
    let any = SocketAddr::from(([0, 0, 0, 0], 0));
    Ok(Server::new(any, router).listen_on(vec![listener])?.serve(shutdown).await)
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, permits: Arc<Semaphore>, graceful: Arc<GracefulShutdown>) {
    loop {
        let Ok(permit) = permits.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, peer)) => {
                spawn_caught("http-connection", connection(stream, peer, shared.clone(), graceful.watcher(), permit));
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!("accepting a connection: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Counts a connection for as long as it lives, however it ends.
struct Counted(#[expect(dead_code, reason = "released when dropped")] OwnedSemaphorePermit);

impl Counted {
    fn new(permit: OwnedSemaphorePermit) -> Self {
        metrics().connection_opened();
        Self(permit)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        metrics().connection_closed();
    }
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    shared: Arc<Shared>,
    watcher: Watcher,
    permit: OwnedSemaphorePermit,
) {
    let counted = Counted::new(permit);
    // Answers are written whole: waiting for more to send only adds delay.
    let _ = stream.set_nodelay(true);
    let acceptor = shared.tls.as_ref().map(|tls| tls.read().clone());
    match acceptor {
        None => requests(stream, &shared, watcher, About { peer, tls: false, cert: None }).await,
        Some(acceptor) => match timeout(HANDSHAKE, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => {
                let cert = PeerCert::of(stream.get_ref().1);
                requests(stream, &shared, watcher, About { peer, tls: true, cert }).await;
            }
            Ok(Err(error)) => tracing::debug!(%peer, "TLS handshake: {error}"),
            Err(_) => tracing::debug!(%peer, "TLS handshake took too long"),
        },
    }
    drop(counted);
}

/// What every request of a connection is told about it.
#[derive(Clone)]
struct About {
    peer: SocketAddr,
    tls: bool,
    cert: Option<PeerCert>,
}

async fn requests<S>(stream: S, shared: &Shared, watcher: Watcher, about: About)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let peer = about.peer;
    let router = shared.router.clone();
    let asked = Arc::new(AtomicBool::new(false));
    let heard = asked.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        heard.store(true, Ordering::Relaxed);
        let mut request = request.map(Body::new);
        let extensions = request.extensions_mut();
        extensions.insert(PeerAddr(about.peer));
        if about.tls {
            extensions.insert(OverTls);
        }
        if let Some(cert) = &about.cert {
            extensions.insert(cert.clone());
        }
        router.clone().oneshot(request)
    });
    let service = TowerToHyperService::new(service);
    let connection = shared.http.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
    tokio::select! {
        // Clients vanish all the time: worth a line only for whoever looks for it.
        ended = watcher.watch(connection) => if let Err(error) = ended {
            tracing::debug!(%peer, "connection: {error}");
        },
        () = nothing_asked(&asked) => tracing::debug!(%peer, "connection: closed, as nothing was asked"),
    }
}

/// hyper's own limits begin once it knows the protocol, which needs the client's first bytes.
async fn nothing_asked(asked: &AtomicBool) {
    tokio::time::sleep(HEADER_READ).await;
    if asked.load(Ordering::Relaxed) {
        std::future::pending().await
    }
}

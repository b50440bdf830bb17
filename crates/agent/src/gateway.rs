//! The member's side: streams intents to hosts, carries calls there and reports back.
//!
//! Whether a host is connected is never stored. A host counts as connected while its stream lives; a new stream of the same
//! host replaces the old one, whose calls end as `Unavailable`.

use crate::{
    protocol::{Down, Hello, Reply},
    tunnel::Expected,
};
use async_trait::async_trait;
use compute::model::vm::{VmIntent, VmObserved};
use kernel::{Clock, Error, HostName, ImageId, Result, ServerId, Timestamp, VolumeId};
use parking_lot::Mutex;
use ports::{HostCalls, HostStatus, Images, KeyBytes, Load, Volumes, hosts::Call, image::ByteStream};
use serde_json::Value;
use std::{
    collections::HashMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use store::{Store, WatchItem};
use tokio::sync::{mpsc, oneshot};

/// Messages a slow host may be behind before its stream is cut; it then begins again with a snapshot.
const QUEUE: usize = 1024;
/// So that a dead connection is noticed on both sides.
const PING: Duration = Duration::from_secs(2);

/// Who takes what hosts report: compute (and volume for pools), wired in node.
#[async_trait]
pub trait Observer: Send + Sync + 'static {
    /// A host has connected.
    async fn hello(&self, hello: &Hello) -> Result<()>;
    /// A host's guests changed. `Ok` when it is durable.
    async fn observed(&self, host: &HostName, observations: Vec<VmObserved>) -> Result<()>;
    /// What a guest of that host has posted as its password; empty if nothing.
    async fn guest_password(&self, host: &HostName, server: &ServerId) -> Result<String>;
    /// A guest of that host posts one.
    async fn post_guest_password(&self, host: &HostName, server: &ServerId, password: String) -> Result<()>;
    /// The passphrase of a server's TPM, for a host that has its guest, or is about to.
    fn tpm_key(&self, host: &HostName, server: &ServerId) -> Result<KeyBytes>;
}

pub struct GatewayDeps {
    pub store: Store,
    pub clock: Arc<dyn Clock>,
}

#[derive(Default)]
struct Wired {
    observer: Option<Arc<dyn Observer>>,
    images: Option<Arc<dyn Images>>,
    volumes: Option<Arc<dyn Volumes>>,
}

/// How long a host may be away and still be expected back: an agent that was cut off, or starts again, connects in far less.
const REJOIN: Duration = Duration::from_secs(10);

pub struct Gateway {
    store: Store,
    clock: Arc<dyn Clock>,
    born: Timestamp,
    wired: Mutex<Wired>,
    hosts: Mutex<HashMap<HostName, Connection>>,
    last_seen: Mutex<HashMap<HostName, Timestamp>>,
    pub(crate) next: AtomicU64,
    pub(crate) tunnels: Mutex<HashMap<u64, Expected>>,
}

struct Connection {
    number: u64,
    down: mpsc::Sender<Down>,
    load: Option<Load>,
    calls: HashMap<u64, oneshot::Sender<Result<Value>>>,
}

impl Gateway {
    pub fn new(deps: GatewayDeps) -> Arc<Self> {
        let (store, clock) = (deps.store, deps.clock);
        Arc::new(Self {
            store,
            born: clock.now(),
            clock,
            wired: Mutex::default(),
            hosts: Mutex::default(),
            last_seen: Mutex::default(),
            next: AtomicU64::new(1),
            tunnels: Mutex::default(),
        })
    }

    /// Closes the circle: the services that the gateway serves are made with the gateway in hand.
    pub fn wire(&self, observer: Arc<dyn Observer>, images: Arc<dyn Images>, volumes: Arc<dyn Volumes>) {
        *self.wired.lock() = Wired { observer: Some(observer), images: Some(images), volumes: Some(volumes) };
    }

    fn observer(&self) -> Result<Arc<dyn Observer>> {
        self.wired.lock().observer.clone().ok_or_else(|| Error::unavailable("this member is starting"))
    }

    fn images(&self) -> Result<Arc<dyn Images>> {
        self.wired.lock().images.clone().ok_or_else(|| Error::unavailable("this member is starting"))
    }

    /// A host connects: its stream begins with a snapshot of its intents.
    pub(crate) async fn attach(self: &Arc<Self>, hello: &Hello) -> Result<mpsc::Receiver<Down>> {
        self.observer()?.hello(hello).await?;
        let (down, receiver) = mpsc::channel(QUEUE);
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let connection = Connection { number, down: down.clone(), load: None, calls: HashMap::new() };
        self.hosts.lock().insert(hello.host.clone(), connection);
        self.seen(&hello.host);
        tracing::info!(host = %hello.host, incarnation = hello.incarnation, "host connected");
        let (gateway, host) = (Arc::clone(self), hello.host.clone());
        telemetry::spawn_caught("agent.stream", async move {
            gateway.stream(&host, down).await;
            gateway.detach(&host, number);
        });
        Ok(receiver)
    }

    /// Sends intents until the host has gone or cannot keep up.
    async fn stream(&self, host: &HostName, down: mpsc::Sender<Down>) {
        let mut watch = self.store.watch();
        if self.send_all(host, &down).await.is_err() {
            return;
        }
        let mut ping = tokio::time::interval(PING);
        loop {
            let sent = tokio::select! {
                item = watch.next() => match item {
                    WatchItem::Reset(_) => self.send_all(host, &down).await,
                    WatchItem::Batch(batch) => send_changes(&batch, host, &down),
                },
                _ = ping.tick() => down.try_send(Down::Ping).map_err(|_| ()),
                () = down.closed() => Err(()),
            };
            if sent.is_err() {
                return;
            }
        }
    }

    async fn send_all(&self, host: &HostName, down: &mpsc::Sender<Down>) -> Result<(), ()> {
        let snapshot = self.store.snapshot();
        for intent in snapshot.by(VmIntent::BY_HOST, host) {
            let intent = Box::new(VmIntent::clone(&intent));
            down.send(Down::Intent { intent }).await.map_err(|_| ())?;
        }
        let end = Down::End { epoch: snapshot.epoch(), revision: snapshot.revision() };
        down.send(end).await.map_err(|_| ())
    }

    fn detach(&self, host: &HostName, number: u64) {
        let mut hosts = self.hosts.lock();
        if hosts.get(host).is_some_and(|c| c.number == number) {
            hosts.remove(host); // waiting calls end with their senders
            self.seen(host);
            tracing::warn!(%host, "host disconnected");
        }
    }

    fn seen(&self, host: &HostName) {
        self.last_seen.lock().insert(host.clone(), self.clock.now());
    }

    pub(crate) async fn observe(&self, host: &HostName, observations: Vec<VmObserved>) -> Result<()> {
        self.seen(host);
        if let Some(foreign) = observations.iter().find(|o| o.host != *host) {
            return Err(Error::forbidden(format!(
                "host {host} reported of {}, a guest of {}",
                foreign.server, foreign.host
            )));
        }
        self.observer()?.observed(host, observations).await
    }

    pub(crate) fn loaded(&self, host: &HostName, load: Load) {
        self.seen(host);
        if let Some(connection) = self.hosts.lock().get_mut(host) {
            connection.load = Some(load);
        }
    }

    pub(crate) fn replied(&self, host: &HostName, reply: Reply) {
        self.seen(host);
        let waiting = self.hosts.lock().get_mut(host).and_then(|c| c.calls.remove(&reply.id));
        if let Some(waiting) = waiting {
            let _ = waiting.send(reply.result.map_err(Error::from)); // the caller's time may be over
        }
    }

    pub(crate) async fn volume_key(&self, host: &HostName, volume: &VolumeId) -> Result<KeyBytes> {
        let volumes = self.wired.lock().volumes.clone();
        volumes.ok_or_else(|| Error::unavailable("this member is starting"))?.key(host, volume).await
    }

    pub(crate) async fn guest_password(&self, host: &HostName, server: &ServerId) -> Result<String> {
        self.observer()?.guest_password(host, server).await
    }

    pub(crate) async fn post_guest_password(&self, host: &HostName, server: &ServerId, password: String) -> Result<()> {
        self.observer()?.post_guest_password(host, server, password).await
    }

    pub(crate) fn tpm_key(&self, host: &HostName, server: &ServerId) -> Result<KeyBytes> {
        self.observer()?.tpm_key(host, server)
    }

    pub(crate) async fn open_image(&self, image: &ImageId) -> Result<ByteStream> {
        self.images()?.open(image, 0).await
    }

    pub(crate) async fn fill_image(&self, image: &ImageId, data: ByteStream) -> Result<()> {
        self.images()?.upload(image, data).await
    }

    pub(crate) async fn fill_image_from_file(&self, image: &ImageId, file: &Path) -> Result<()> {
        self.images()?.upload_file(image, file).await
    }

    fn begin_call(&self, host: &HostName, method: &str, params: Value, within: Duration) -> Result<Waiting<'_>> {
        let away = || Error::unavailable(format!("host {host} is not connected"));
        let (answer, waiting) = oneshot::channel();
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let within_ms = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
        let mut hosts = self.hosts.lock();
        let connection = hosts.get_mut(host).ok_or_else(away)?;
        let call = Down::Call { id, method: method.into(), params, within_ms };
        connection.down.try_send(call).map_err(|_| away())?;
        connection.calls.insert(id, answer);
        Ok(Waiting { gateway: self, host: host.clone(), id, answer: waiting })
    }
}

/// A call under way; forgotten when its caller gives up.
struct Waiting<'a> {
    gateway: &'a Gateway,
    host: HostName,
    id: u64,
    answer: oneshot::Receiver<Result<Value>>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.gateway.hosts.lock().get_mut(&self.host) {
            connection.calls.remove(&self.id);
        }
    }
}

/// A server whose intent for this host only changed its kind (it has left and may come back, or has come back) is not gone.
fn send_changes(batch: &store::Batch, host: &HostName, down: &mpsc::Sender<Down>) -> Result<(), ()> {
    let here = |server: &ServerId| {
        batch.of::<VmIntent>().filter_map(|c| c.new).any(|new| new.host == *host && new.server == *server)
    };
    for change in batch.of::<VmIntent>() {
        let message = match (change.old, change.new) {
            (_, Some(new)) if new.host == *host => Down::Intent { intent: Box::new(VmIntent::clone(&new)) },
            (Some(old), _) if old.host == *host && !here(&old.server) => {
                Down::Gone { server: old.server.clone(), generation: old.generation }
            }
            _ => continue,
        };
        down.try_send(message).map_err(|_| ())?;
    }
    Ok(())
}

#[async_trait]
impl HostCalls for Gateway {
    async fn call(&self, host: &HostName, method: &str, params: Value, within: Duration) -> Result<Value> {
        let mut waiting = self.begin_call(host, method, params, within)?;
        match tokio::time::timeout(within, &mut waiting.answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(Error::unavailable(format!("host {host} lost its connection during {method}"))),
            Err(_) => Err(Error::unavailable(format!("host {host} did not answer {method} in time"))),
        }
    }

    async fn join(&self, from: Call<'_>, to: Call<'_>, within: Duration) -> Result<()> {
        self.join_calls(from, to, within).await
    }

    fn hosts(&self) -> Vec<HostStatus> {
        let connected = self.hosts.lock();
        let seen = self.last_seen.lock();
        let status = |(host, at): (&HostName, &Timestamp)| {
            let connected = connected.contains_key(host);
            let last_seen = if connected { self.clock.now() } else { *at };
            HostStatus { host: host.clone(), connected, last_seen }
        };
        seen.iter().map(status).collect()
    }

    fn is_connected(&self, host: &HostName) -> bool {
        self.hosts.lock().contains_key(host)
    }

    fn load(&self, host: &HostName) -> Option<Load> {
        self.hosts.lock().get(host)?.load
    }

    fn is_expected(&self, host: &HostName) -> bool {
        self.is_connected(host) || {
            let last_seen = self.last_seen.lock().get(host).copied().unwrap_or(self.born);
            self.clock.now().since(last_seen) < REJOIN
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::clock::ManualClock;

    /// Work may be planned for a host that was lost a moment ago, and by a member that has only just begun for any host.
    #[tokio::test]
    async fn hosts_are_expected_back_for_a_while() {
        let clock = ManualClock::at(Timestamp::parse("2026-01-01T00:00:00Z").unwrap());
        let store = Store::open(store::Memory::new(), store::Schema::default()).await.unwrap();
        let gateway = Gateway::new(GatewayDeps { store, clock: Arc::clone(&clock) as Arc<dyn Clock> });
        let host = HostName::from("h1");
        assert!(gateway.is_expected(&host) && !gateway.is_connected(&host), "the member has just begun");
        clock.advance(REJOIN);
        assert!(!gateway.is_expected(&host), "it never came");
        gateway.hosts.lock().insert(
            host.clone(),
            Connection { number: 1, down: mpsc::channel(1).0, load: None, calls: HashMap::new() },
        );
        clock.advance(REJOIN);
        assert!(gateway.is_expected(&host), "it is connected");
        gateway.detach(&host, 1);
        assert!(gateway.is_expected(&host), "it was lost just now");
        clock.advance(REJOIN);
        assert!(!gateway.is_expected(&host), "it stays away");
    }
}

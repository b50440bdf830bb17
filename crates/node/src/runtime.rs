//! A member's life: start, serve, drain.
//!
//! The API answers as soon as the store is loaded; the host side joins when its drivers are ready, as a remote host would.
//! On SIGTERM the API stops taking connections and finishes what it has; flows are dropped where they stand, which is as good
//! as a kill: the journal has them. A store that can no longer follow its log ends the member the same way, but with an
//! error: it serves nothing true any more, and only a start brings it back.

use crate::{
    Config, bootstrap, cloud_api, console, credentials, daemon::Pidfile, drivers, observer::Reports, services::Services,
};
use agent::{Host, HostConfig, LocalLink};
use cluster::{Authority, NodeIdentity};
use http::axum::Router;
use http::{ClientAuth, Server, TlsConfig};
use kernel::{Clock, Error, HostName, Result, SystemClock};
use std::{
    future::Future,
    net::SocketAddr,
    path::Path,
    sync::{Arc, OnceLock},
};
use store::{Etcd, Memory, Redb, Store, backend::etcd::EtcdConfig};

/// How long a start waits for the store to answer.
const FIRST_LEASE: std::time::Duration = std::time::Duration::from_secs(30);

type Task = tokio::task::JoinHandle<Result<(), telemetry::Panicked>>;

/// Runs a member until `stop` resolves.
pub async fn run(config: Config, pidfile: Pidfile, stop: impl Future<Output = ()> + Send + 'static) -> Result<()> {
    let store = open_store(&config).await?;
    run_over(config, store, pidfile, stop).await
}

/// Runs a member over an open store until `stop` resolves, or the store is lost, which is an error.
pub async fn run_over(
    config: Config,
    store: Store,
    pidfile: Pidfile,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    let clock = SystemClock::shared();
    let (ending, lost) = stop_or_lost(store.clone(), stop);
    let region = drivers::region(&config, &clock).await?;
    let services = Services::new(&config, store, Arc::clone(&clock), &region)?;
    services.gateway.wire(
        Arc::new(Reports(services.clone())),
        Arc::new(services.image.clone()),
        Arc::new(services.volume.clone()),
    );
    bootstrap::bootstrap(&config, &services).await?;
    credentials::write_clouds(&config)?;

    let engine = services.engine();
    tokio::time::timeout(FIRST_LEASE, engine.ready())
        .await
        .map_err(|_| Error::unavailable("the store gave this process no lease; see the log for why"))?;
    let reconcilers: Vec<_> =
        services.reconcilers().into_iter().map(|r| flow::spawn_reconciler(&services.store, r)).collect();
    watch_store(&services);
    services.network.export_metrics();
    let policy = services.policy_file.watch();
    let member = Authority::open(&config.data_dir.join("pki"))?;
    let identity = node_identity(&config, &member)?;
    let api = serve_api(&config, &services, &identity).await?;
    let (quit, stopped) = tokio::sync::watch::channel(false);
    let agents = serve_agents(&config, &services, &identity, member, stopped.clone()).await?;
    let host = start_host(&config, &services, Arc::clone(&clock), &region).await?;
    pidfile.ready()?;
    tracing::info!(url = config.public_url()?, node = %config.node_name(), "ready");
    let drained = api.serve(ending).await;
    let _ = quit.send(true);
    if let Some(agents) = agents {
        agents.abort();
    }
    tracing::info!(drained, "stopping");
    policy.abort();
    host.abort();
    reconcilers.iter().for_each(|r| r.abort());
    drop(engine);
    match lost.get() {
        None => Ok(()),
        Some(why) => Err(Error::unavailable(format!("stopped because the store was lost: {why}; start tstack again"))),
    }
}

/// What ends a member, and where it is said if that was the store.
fn stop_or_lost(
    store: Store,
    stop: impl Future<Output = ()> + Send + 'static,
) -> (impl Future<Output = ()> + Send + 'static, Arc<OnceLock<String>>) {
    let lost = Arc::new(OnceLock::new());
    let said = Arc::clone(&lost);
    let ending = async move {
        tokio::select! {
            () = stop => {}
            why = store.failed() => {
                tracing::error!(why, "the store is lost: stopping");
                said.get_or_init(|| why);
            }
        }
    };
    (ending, lost)
}

async fn open_store(config: &Config) -> Result<Store> {
    let opened = match config.text("store.backend") {
        "memory" => Store::open(Memory::new(), crate::services::schema()).await,
        "redb" => {
            let file = config.data_dir.join("store.redb");
            refuse_emptied(config, &file)?;
            let backend = Redb::open(&file);
            Store::open(backend.map_err(|e| Error::unavailable(e.to_string()))?, crate::services::schema()).await
        }
        "etcd" => {
            let endpoints = config.list("store.etcd_endpoints");
            if endpoints.is_empty() {
                return Err(Error::bad_request(
                    "store.etcd_endpoints: say where etcd's members are, [\"http://HOST:2379\", …]",
                ));
            }
            let backend = Etcd::connect(&EtcdConfig::new(endpoints)).await;
            Store::open(backend.map_err(|e| Error::unavailable(e.to_string()))?, crate::services::schema()).await
        }
        other => {
            return Err(Error::bad_request(format!("store.backend: there is no {other} (redb, etcd or memory)")));
        }
    };
    opened.map_err(|e| Error::unavailable(e.to_string()))
}

/// A file without a byte is what a first start leaves that was cut off early. Where a node has been up already it is a lost
/// store, and a new one in its place would forget the cloud whose guests still run.
fn refuse_emptied(config: &Config, file: &Path) -> Result<()> {
    let emptied = std::fs::metadata(file).is_ok_and(|found| found.len() == 0);
    if !emptied || !credentials::exist(config) {
        return Ok(());
    }
    Err(Error::unavailable(format!(
        "the store {} is empty, though this node has had one; it was left as it is: put a backup of the file in its place, or \
         move it away to begin with an empty cloud",
        file.display()
    )))
}

fn watch_store(services: &Services) {
    let store = services.store.clone();
    telemetry::metrics().collect(move |out| {
        let stats = store.stats();
        let count = |counter: &std::sync::atomic::AtomicU64| counter.load(std::sync::atomic::Ordering::Relaxed);
        out.counter("tstack_store_commits", "Commits of the store", count(&stats.commits));
        out.counter("tstack_store_transactions", "Transactions run", count(&stats.transactions));
        out.counter("tstack_store_refusals", "Transactions that refused", count(&stats.refusals));
        out.counter("tstack_store_panics", "Transactions that panicked", count(&stats.panics));
    });
}

fn node_identity(config: &Config, authority: &Authority) -> Result<NodeIdentity> {
    let mut addresses =
        vec![config.text("api.address").to_owned(), config.text("node.address").to_owned(), "localhost".to_owned()];
    addresses.dedup();
    NodeIdentity::of_member(&config.data_dir.join("pki/node"), authority, &config.node_name(), &addresses)
}

/// The API's port is bound here, so that a port in use is this function's error.
async fn serve_api(config: &Config, services: &Services, identity: &NodeIdentity) -> Result<http::Bound> {
    let router = Router::new()
        .merge(services.router())
        .merge(cloud_api::router(services.clone(), config.clone()))
        .merge(console::router(services.clone()))
        .fallback(cloud_api::not_here);
    let at = config.api_socket()?;
    let mut server = Server::new(at, router);
    if config.tls()? {
        server.tls = Some(tls(identity, ClientAuth::None));
    }
    server.bind().await.map_err(|e| port_in_use(at, &e))
}

fn tls(identity: &NodeIdentity, client_auth: ClientAuth) -> TlsConfig {
    let (cert_pem, key_pem) = (identity.certificate_pem.clone().into_bytes(), identity.key_pem.clone().into_bytes());
    TlsConfig { cert_pem, key_pem, client_auth }
}

fn port_in_use(at: SocketAddr, error: &Error) -> Error {
    let text = format!(
        "cannot listen on {at}: {}; `tstack doctor` says who does, or choose another port with api.port",
        error.internal_text()
    );
    Error::unavailable(text)
}

/// The port where other hosts join and connect. Agents show certificates; a node that joins has none yet.
async fn serve_agents(
    config: &Config,
    services: &Services,
    identity: &NodeIdentity,
    authority: Authority,
    mut stopped: tokio::sync::watch::Receiver<bool>,
) -> Result<Option<Task>> {
    let Some(own) = config.agent_socket()? else { return Ok(None) };
    let peer_name: agent::PeerName = Arc::new(|der| cluster::peer_name(der).map(HostName::from));
    let router =
        agent::routes(services.gateway.clone(), peer_name).merge(cloud_api::join_router(services.clone(), authority));
    let mut server = Server::new(own, router);
    server.tls = Some(tls(identity, ClientAuth::Optional(identity.ca_pem.clone().into_bytes())));
    let bound = server.bind().await.map_err(|e| port_in_use(own, &e))?;
    Ok(Some(telemetry::spawn_caught("agents-port", async move {
        bound
            .serve(async move {
                let _ = stopped.wait_for(|s| *s).await;
            })
            .await;
    })))
}

/// This node's own host side, in the same process.
async fn start_host(
    config: &Config,
    services: &Services,
    clock: Arc<dyn Clock>,
    region: &drivers::RegionDrivers,
) -> Result<Task> {
    let side = drivers::host(config, Some(region)).await?;
    let link = Arc::new(LocalLink(services.gateway.clone()));
    let host = Host::open(host_config(config)?, side.drivers.clone(), link, clock)?;
    Ok(telemetry::spawn_caught("host", async move {
        let _side = side; // its supervisors live as long as the agent
        host.run().await;
    }))
}

pub(crate) fn host_config(config: &Config) -> Result<HostConfig> {
    Ok(HostConfig {
        name: config.node_name(),
        state_dir: config.data_dir.join("agent"),
        availability_zone: config.text("node.availability_zone").to_owned(),
        labels: crate::settings::labels(config)?,
        address: config.text("node.address").to_owned(),
    })
}

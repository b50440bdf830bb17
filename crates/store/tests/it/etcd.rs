//! What only etcd has: TLS, maintenance, and leases under its outcomes.

use crate::support::{
    etcd::{Lent, Server, free_port, scratch},
    objects::{Blob, Pet, blob, pet, schema},
    proxy::{Cuts, Proxy},
    until,
};
use futures_util::StreamExt;
use parking_lot::Mutex;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::{path::Path, sync::Arc, time::Duration};
use store::{
    Backend, Etcd, Store,
    backend::{
        RawWatch,
        etcd::{EtcdConfig, EtcdTls, Health, Rhythm},
    },
};

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Of somebody at 127.0.0.1, server or client.
    fn issue(&self) -> EtcdTls {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["127.0.0.1".into()]).unwrap().signed_by(&key, &self.0).unwrap();
        EtcdTls { ca: self.0.pem(), certificate: certificate.pem(), key: key.serialize_pem() }
    }
}

fn tls_server(dir: &Path, own: &EtcdTls) -> (Server, String) {
    let file = |name: &str, text: &str| {
        std::fs::write(dir.join(name), text).unwrap();
        dir.join(name).display().to_string()
    };
    let url = format!("https://127.0.0.1:{}", free_port());
    let peer = format!("http://127.0.0.1:{}", free_port());
    let flags = [
        "--name=one".into(),
        format!("--listen-client-urls={url}"),
        format!("--advertise-client-urls={url}"),
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster=one={peer}"),
        "--client-cert-auth".into(),
        format!("--trusted-ca-file={}", file("ca.pem", &own.ca)),
        format!("--cert-file={}", file("cert.pem", &own.certificate)),
        format!("--key-file={}", file("key.pem", &own.key)),
    ];
    (Server::start(dir, &flags, true), url)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_know_each_other_by_certificate() {
    let (ours, theirs, dir) = (Authority::new(), Authority::new(), scratch());
    let (_server, url) = tls_server(dir.path(), &ours.issue());
    let config = |tls| EtcdConfig { tls, ..EtcdConfig::new([url.as_str()]) };
    let friend = Etcd::connect(&config(Some(ours.issue()))).await.unwrap();
    until("etcd answers", async || friend.head().await.is_ok()).await;
    let store = Store::open(friend, schema()).await.unwrap();
    store.transact("test", |tx| Ok(tx.put(pet("a", "ann")))).await.unwrap();
    assert!(store.read().await.unwrap().contains::<Pet>("a"));

    let mut stranger = ours.issue();
    let other = theirs.issue();
    (stranger.certificate, stranger.key) = (other.certificate.clone(), other.key.clone());
    for (who, tls) in [("a stranger to it", stranger), ("it is a stranger to us", other)] {
        let refused = match Etcd::connect(&config(Some(tls))).await {
            Ok(etcd) => etcd.head().await.is_err(),
            Err(_) => true,
        };
        assert!(refused, "{who}");
    }
}

/// A rhythm for a test.
fn quick() -> Rhythm {
    let round = Duration::from_millis(100);
    Rhythm { round, kept: round * 3, lease: Duration::from_secs(2), defragment_above: 4 << 20 }
}

type Reports = Arc<Mutex<Vec<Health>>>;

fn maintainer(etcd: Etcd) -> (tokio::task::JoinHandle<()>, Reports) {
    let reports = Reports::default();
    let note = Arc::clone(&reports);
    (tokio::spawn(etcd.maintain(quick(), move |health| note.lock().push(health))), reports)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_member_at_a_time_compacts_and_defragments() {
    let lent = Lent::new().await;
    let store = Store::open(lent.connect().await, schema()).await.unwrap();
    let (first, reports) = maintainer(lent.connect().await);
    until("the first has begun", async || !reports.lock().is_empty()).await;
    let (second, others) = maintainer(lent.connect().await);
    // Ten megabytes come and go.
    for n in 0..40 {
        store.transact("fill", move |tx| Ok(tx.put(blob(format!("b{}", n % 4), 300_000)))).await.unwrap();
    }
    until("space is given back", async || {
        let reports = reports.lock();
        let most = reports.iter().map(|h| h.bytes).max().unwrap_or_default();
        most > 8 << 20 && reports.last().is_some_and(|h| h.bytes < most / 2 && !h.is_tight())
    })
    .await;
    assert_eq!(store.snapshot().count::<Blob>(), 4);
    let early = lent.connect().await.watch(1).next().await;
    assert!(matches!(early, Some(RawWatch::Lost)), "old revisions are gone: {early:?}");
    assert!(others.lock().is_empty(), "two at once");
    first.abort();
    until("the other takes over", async || !others.lock().is_empty()).await;
    second.abort();
}

async fn end_all_leases(lent: &Lent) {
    let mut client = etcd_client::Client::connect([lent.address()], None).await.unwrap();
    for lease in client.leases().await.unwrap().leases() {
        client.lease_revoke(lease.id()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_for_outcomes_that_ends_early_is_replaced() {
    let lent = Lent::new().await;
    let store = Store::open(lent.connect().await, schema()).await.unwrap();
    for n in 0..3 {
        store.transact("test", move |tx| Ok(tx.put(pet(&format!("p{n}"), "ann")))).await.unwrap();
        end_all_leases(&lent).await;
    }
    assert_eq!(store.read().await.unwrap().count::<Pet>(), 3);
}

/// Why an expired marker lets nothing through: a commit that arrives after its lease has ended is refused by etcd, and who
/// could not learn the outcome in time does not guess it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_later_than_its_lease_never_happens() {
    let (lent, cuts) = (Lent::new().await, Cuts::default());
    let port = lent.address().rsplit(':').next().unwrap().parse().unwrap();
    let proxy = Proxy::new(cuts.clone(), "etcd", port).await;
    let mut config = EtcdConfig::new([format!("http://127.0.0.1:{}", proxy.port)]);
    config.patience = Duration::from_millis(300);
    let store = Store::open(Etcd::connect(&config).await.unwrap(), schema()).await.unwrap();
    store.transact("test", |tx| Ok(tx.put(pet("a", "ann")))).await.unwrap();
    cuts.set("etcd", true);
    let late = tokio::spawn({
        let store = store.clone();
        async move { store.transact("late", |tx| Ok(tx.put(pet("a", "late")))).await }
    });
    let in_doubt = || store.stats().unknown_outcomes.load(std::sync::atomic::Ordering::Relaxed) == 1;
    until("the commit is on its way and in doubt", async || in_doubt()).await;
    end_all_leases(&lent).await;
    cuts.set("etcd", false);
    let why = store.failed().await;
    assert!(why.contains("must start anew"), "{why}");
    assert!(late.await.unwrap().is_err());
    let again = Store::open(lent.connect().await, schema()).await.unwrap();
    assert_eq!(again.snapshot().get::<Pet>("a").unwrap().owner, "ann");
    again.transact("test", |tx| Ok(tx.put(pet("a", "bob")))).await.unwrap();
}

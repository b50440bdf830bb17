//! The driver for SDN controllers, against one that behaves and against ones that do not.

mod controller;

use async_trait::async_trait;
use controller::{Controller, Mood, TERRIBLE};
use drivers_net::{
    conformance::{
        self, Subject,
        objects::{network, one_of_everything, port, put, subnet, tcp_group},
    },
    fake::FakeHost,
    rest::{RestBackend, render::resources},
};
use kernel::{HostName, Kind, PortId};
use network::driver::{Change, HostNetwork, Logical, LogicalKey, NetworkBackend};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IteratorRandom};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

struct Rest {
    controller: Controller,
    backend: RestBackend,
    host: Arc<FakeHost>,
}

impl Rest {
    async fn new(seed: u64) -> Self {
        let controller = Controller::start(seed).await;
        let backend = RestBackend::new(controller.config()).unwrap();
        Self { host: Arc::new(controller.cloud.host("h1".into())), controller, backend }
    }
}

#[async_trait]
impl Subject for Rest {
    fn backend(&self) -> &dyn NetworkBackend {
        &self.backend
    }
    fn host(&self) -> Arc<dyn HostNetwork> {
        self.host.clone()
    }
    fn host_name(&self) -> HostName {
        "h1".into()
    }
    fn writes(&self) -> u64 {
        self.backend.writes()
    }
    async fn tamper(&self, port: &PortId) {
        self.controller.tamper("ports", port, "mac_address", json!("00:00:00:00:00:07"));
    }
}

#[tokio::test]
async fn rest_conforms() {
    conformance::all(&Rest::new(0).await).await;
}

/// What the store says, and what the service's reconciler does about it.
struct Cloud {
    wanted: BTreeMap<LogicalKey, Logical>,
    dice: StdRng,
}

impl Cloud {
    fn new(seed: u64) -> Self {
        Self { wanted: BTreeMap::new(), dice: StdRng::seed_from_u64(seed) }
    }

    fn add(&mut self, objects: impl IntoIterator<Item = Logical>) {
        self.wanted.extend(objects.into_iter().map(|o| (o.key(), o)));
    }

    /// Ports come, change and go; now and then a whole network.
    fn step(&mut self) {
        match self.dice.random_range(0..10) {
            0 => {
                let net = network();
                let (sub, group) = (subnet(&net, "10.0.0.0/24"), tcp_group(&[22, 80]));
                self.add([net.into(), sub.into(), group.into()]);
            }
            1..5 => {
                let subnets =
                    self.wanted.values().filter_map(|o| if let Logical::Subnet(s) = o { Some(s) } else { None });
                let Some(sub) = subnets.choose(&mut self.dice).cloned() else { return };
                let host = self.dice.random_range(2..250);
                self.add([port(&sub, host, &[]).into()]);
            }
            5..8 => {
                let admin_up = self.dice.random_bool(0.5);
                let ports =
                    self.wanted.values_mut().filter_map(|o| if let Logical::Port(p) = o { Some(p) } else { None });
                if let Some(port) = ports.choose(&mut self.dice) {
                    port.admin_up = admin_up;
                }
            }
            _ => {
                let ports = self.wanted.keys().filter(|k| matches!(k, LogicalKey::Port(_)));
                if let Some(key) = ports.choose(&mut self.dice).cloned() {
                    self.wanted.remove(&key);
                }
            }
        }
    }

    fn digests(&self) -> BTreeMap<LogicalKey, u64> {
        self.wanted.iter().map(|(key, object)| (key.clone(), object.digest())).collect()
    }

    /// One comparison of everything, and what follows from it. Errors are what the next one is for.
    async fn reconcile(&self, backend: &RestBackend) {
        let Ok(held) = backend.dump().await else { return };
        let wanted = self.digests();
        let puts = self.wanted.iter().filter(|(key, _)| held.get(*key) != wanted.get(*key));
        let gone = held.keys().rev().filter(|key| !wanted.contains_key(*key)).cloned().map(Change::Remove);
        let puts = puts.map(|(_, object)| Change::Put(object.clone()));
        for change in puts.chain(gone) {
            let _ = backend.apply(&[change]).await;
        }
    }

    /// What the controller must hold, to the letter.
    fn rendered(&self) -> BTreeMap<(String, String), Value> {
        let all = self.wanted.values().flat_map(resources);
        all.map(|r| ((r.collection.path().to_owned(), r.id), Value::Object(r.body))).collect()
    }

    /// However it was before, comparing with a controller that behaves again leaves no difference.
    async fn settles(&self, rest: &Rest, backend: &RestBackend) {
        rest.controller.feel(Mood::default());
        let wanted = self.digests();
        let settling = async {
            // It may count as away for a moment more, and act upon what was asked before.
            while !rest.controller.is_quiet() || backend.dump().await.ok().as_ref() != Some(&wanted) {
                tokio::time::sleep(Duration::from_millis(5)).await;
                self.reconcile(backend).await;
            }
        };
        assert!(tokio::time::timeout(Duration::from_secs(60), settling).await.is_ok(), "drift is left");
        assert_eq!(rest.controller.resources(), self.rendered());
    }
}

/// Slow, failing, losing and late at once; forgetful and tampered with in between; the driver killed and begun again.
#[tokio::test]
async fn no_drift_is_left_whatever_the_controller_does() {
    for seed in 0..4 {
        let rest = Rest::new(seed).await;
        let mut cloud = Cloud::new(seed);
        cloud.add(one_of_everything());
        let mut backend = RestBackend::new(rest.controller.hasty()).unwrap();
        rest.controller.feel(TERRIBLE);
        for round in 0..12 {
            for _ in 0..4 {
                cloud.step();
            }
            cloud.reconcile(&backend).await;
            match round {
                3 => rest.controller.restart_empty(),
                6 => backend = RestBackend::new(rest.controller.hasty()).unwrap(),
                9 => {
                    let networks = rest.controller.resources().into_keys().filter(|(c, _)| c == "networks");
                    for (collection, id) in networks.take(1) {
                        rest.controller.tamper(&collection, &id, "mtu", json!(9));
                    }
                }
                _ => {}
            }
        }
        cloud.settles(&rest, &backend).await;
    }
}

#[tokio::test]
async fn a_controller_that_is_away_is_waited_for_by_nobody() {
    let rest = Rest::new(1).await;
    let net = network();
    rest.backend.apply(&[put(net.clone())]).await.unwrap();
    rest.controller.feel(Mood { refuses: 100, ..Mood::default() });
    let before = rest.backend.writes();
    let refused = rest.backend.apply(&[put(network())]).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Unavailable, "{refused:?}");
    assert_eq!(rest.backend.writes(), before + 1, "one request, tried several times");
    rest.controller.feel(Mood::default());
    while rest.backend.dump().await.is_err() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    rest.backend.apply(&[Change::Remove(Logical::from(net).key())]).await.unwrap();
    assert_eq!(rest.controller.resources(), BTreeMap::new());
}

/// A new process finds what the last one told, and tells nothing again.
#[tokio::test]
async fn a_restart_tells_only_what_differs() {
    let rest = Rest::new(2).await;
    let objects = one_of_everything();
    let changes: Vec<_> = objects.iter().cloned().map(Change::Put).collect();
    rest.backend.apply(&changes).await.unwrap();
    let next = RestBackend::new(rest.controller.config()).unwrap();
    next.apply(&changes).await.unwrap();
    assert_eq!(next.writes(), 0);
    let digests: BTreeMap<_, _> = objects.iter().map(|o| (o.key(), o.digest())).collect();
    assert_eq!(next.dump().await.unwrap(), digests);
}

//! Long random histories on a store and on a model that is obviously right: a map. After every step they agree, on objects,
//! indexes, history and on what a watcher has pieced together; restarts and injected faults change nothing.

use crate::support::{
    objects::{Pet, pet, schema},
    site::Site,
};
use kernel::Timestamp;
use proptest::{prelude::*, test_runner::Config};
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU32, Ordering},
};
use store::{Order, Store, Tx, Watch, WatchItem};

#[derive(Clone, Debug)]
enum Op {
    Put {
        id: u8,
        owner: u8,
    },
    Delete {
        id: u8,
    },
    Age {
        id: u8,
    },
    /// Several at once, and a refusal at the end: nothing happens.
    Refused(Vec<(u8, u8)>),
    /// Several at once.
    Together(Vec<(u8, u8)>),
    Claim {
        value: u8,
        owner: u8,
    },
    Release {
        value: u8,
        owner: u8,
    },
    Record {
        stream: u8,
    },
    Fault(u8),
    Restart,
}

fn op() -> impl Strategy<Value = Op> {
    let (id, owner) = (0..6u8, 0..3u8);
    let pairs = || prop::collection::vec((0..6u8, 0..3u8), 1..5);
    prop_oneof![
        4 => (id.clone(), owner.clone()).prop_map(|(id, owner)| Op::Put { id, owner }),
        2 => id.clone().prop_map(|id| Op::Delete { id }),
        3 => id.prop_map(|id| Op::Age { id }),
        1 => pairs().prop_map(Op::Refused),
        2 => pairs().prop_map(Op::Together),
        1 => (0..3u8, owner.clone()).prop_map(|(value, owner)| Op::Claim { value, owner }),
        1 => (0..3u8, owner).prop_map(|(value, owner)| Op::Release { value, owner }),
        1 => (0..2u8).prop_map(|stream| Op::Record { stream }),
        1 => (0..4u8).prop_map(Op::Fault),
        1 => Just(Op::Restart),
    ]
}

#[derive(Default)]
struct Model {
    pets: BTreeMap<String, Pet>,
    claims: BTreeMap<u8, u8>,
    records: BTreeMap<u8, Vec<u64>>,
    written: u64,
}

struct Subject {
    site: Site,
    store: Option<Store>,
    watch: Option<Watch>,
    /// What the watcher knows.
    seen: BTreeMap<String, Pet>,
}

fn name(n: u8) -> String {
    format!("n{n}")
}

fn named(id: u8, owner: u8) -> Pet {
    pet(&name(id), &name(owner))
}

impl Subject {
    async fn new(site: Site) -> Self {
        let mut subject = Self { site, store: None, watch: None, seen: BTreeMap::new() };
        subject.open().await;
        subject
    }

    async fn open(&mut self) {
        let store = Store::open(self.site.backend.clone(), schema()).await.unwrap();
        self.watch = Some(store.watch());
        self.store = Some(store);
    }

    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    async fn transact<R: Send + 'static>(
        &self,
        closure: impl FnMut(&mut Tx) -> kernel::Result<R> + Send + 'static,
    ) -> kernel::Result<R> {
        self.store().transact("model", closure).await
    }

    async fn step(&mut self, model: &mut Model, op: Op) {
        match op {
            Op::Put { id, owner } => {
                self.transact(move |tx| Ok(tx.put(named(id, owner)))).await.unwrap();
                model.pets.insert(name(id), named(id, owner));
            }
            Op::Delete { id } => {
                let was = self.transact(move |tx| Ok(tx.delete::<Pet>(&name(id)))).await.unwrap();
                assert_eq!(was, model.pets.remove(&name(id)).is_some());
            }
            Op::Age { id } => {
                let aged = self.transact(move |tx| Ok(tx.update::<Pet>(&name(id), |p| p.age += 1).is_some())).await;
                let expected = model.pets.get_mut(&name(id)).map(|p| p.age += 1).is_some();
                assert_eq!(aged.unwrap(), expected);
            }
            Op::Refused(pairs) => {
                let refuse = move |tx: &mut Tx| {
                    pairs.iter().for_each(|(id, owner)| drop(tx.put(named(*id, *owner))));
                    Err::<(), _>(kernel::Error::conflict("no"))
                };
                assert!(self.transact(refuse).await.is_err());
            }
            Op::Together(pairs) => {
                let changed = pairs.clone();
                let put_or_take = move |tx: &mut Tx| {
                    for (id, owner) in &changed {
                        if !tx.delete::<Pet>(&name(*id)) {
                            tx.put(named(*id, *owner));
                        }
                    }
                    Ok(())
                };
                self.transact(put_or_take).await.unwrap();
                for (id, owner) in pairs {
                    if model.pets.remove(&name(id)).is_none() {
                        model.pets.insert(name(id), named(id, owner));
                    }
                }
            }
            op => self.rarer_step(model, op).await,
        }
    }

    async fn rarer_step(&mut self, model: &mut Model, op: Op) {
        match op {
            Op::Claim { value, owner } => {
                let claimed =
                    self.transact(move |tx| Ok(tx.claim_unique("m", &name(value), &name(owner)))).await.unwrap();
                let holder = *model.claims.entry(value).or_insert(owner);
                assert_eq!(
                    claimed.map_err(|taken| taken.owner),
                    if holder == owner { Ok(()) } else { Err(name(holder)) }
                );
            }
            Op::Release { value, owner } => {
                let release = move |tx: &mut Tx| {
                    tx.release_unique("m", &name(value), &name(owner));
                    Ok(())
                };
                self.transact(release).await.unwrap();
                model.claims.retain(|v, o| (*v, *o) != (value, owner));
            }
            Op::Record { stream } => {
                let n = model.written;
                model.written += 1;
                let at = Timestamp::from_micros(n as i64);
                self.transact(move |tx| tx.history(&name(stream), at, &n)).await.unwrap();
                model.records.entry(stream).or_default().push(n);
            }
            Op::Fault(kind) => {
                let faults = &self.site.backend.faults;
                let counters: [&AtomicU32; 4] =
                    [&faults.lost_answers, &faults.lost_requests, &faults.late_requests, &faults.lost_watches];
                counters[usize::from(kind)].fetch_add(1, Ordering::Relaxed);
            }
            Op::Restart => {
                (self.store, self.watch) = (None, None);
                self.site.restart().await;
                self.open().await;
                self.seen = pets(self.store());
            }
            _ => unreachable!("the common ones are above"),
        }
    }

    async fn agrees(&mut self, model: &Model) {
        assert_eq!(pets(self.store()), model.pets);
        let snapshot = self.store().snapshot();
        for owner in (0..3).map(name) {
            let expected: Vec<_> = model.pets.values().filter(|p| p.owner == owner).map(|p| p.id.clone()).collect();
            let keys: Vec<_> = snapshot.keys_by(Pet::BY_OWNER, &owner).map(|k| k.to_string()).collect();
            assert_eq!(keys, expected);
        }
        while let Some(item) = self.watch.as_mut().and_then(Watch::try_next) {
            match item {
                WatchItem::Reset(snapshot) => {
                    self.seen = snapshot.all::<Pet>().map(|p| (p.id.clone(), Pet::clone(&p))).collect();
                }
                WatchItem::Batch(batch) => {
                    for change in batch.of::<Pet>() {
                        let key = change.key.to_string();
                        assert_eq!(change.old.as_deref(), self.seen.get(&key), "old of {key}");
                        match change.new {
                            Some(new) => self.seen.insert(key, Pet::clone(&new)),
                            None => self.seen.remove(&key),
                        };
                    }
                }
            }
        }
        assert_eq!(self.seen, model.pets);
        for (stream, expected) in &model.records {
            let entries = self.store().history(&name(*stream), None, 1000, Order::OldestFirst).await.unwrap();
            assert_eq!(&entries.iter().map(|e| e.record.as_u64().unwrap()).collect::<Vec<_>>(), expected);
        }
    }
}

fn pets(store: &Store) -> BTreeMap<String, Pet> {
    store.snapshot().all::<Pet>().map(|p| (p.id.clone(), Pet::clone(&p))).collect()
}

fn run(cases: u32, place: impl AsyncFn() -> Site) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let cases = u32::try_from(crate::support::setting("TSTACK_MODEL_CASES", cases.into())).unwrap();
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    proptest!(config, |(ops in prop::collection::vec(op(), 1..80))| {
        runtime.block_on(async {
            let (mut subject, mut model) = (Subject::new(place().await).await, Model::default());
            for op in ops {
                subject.step(&mut model, op).await;
                subject.agrees(&model).await;
            }
        });
    });
}

#[test]
fn memory_does_what_the_model_does() {
    run(40, Site::memory);
}

#[test]
fn redb_does_what_the_model_does() {
    run(15, Site::redb);
}

#[test]
fn etcd_does_what_the_model_does() {
    run(8, Site::etcd);
}

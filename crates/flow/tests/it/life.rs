//! What an engine does when its process was silent too long, and when something in it panics.

use async_trait::async_trait;
use flow::{
    Commit, Engine, EngineBuilder, Flow, FlowRecord, Phase, Start, Starter, Step, StepCx, StepError, StepResult,
    testkit::{Action, Point, Probe},
};
use kernel::{FlowId, SystemClock, Timestamp, ids::RequestId};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};
use store::{Faulty, Key, Memory, Object, Schema, Store, Tx};
use tokio::sync::Semaphore;

const LEASE: Duration = Duration::from_millis(200);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Door {
    state: String,
}

impl Object for Door {
    const KIND: &'static str = "test.door";
    fn key(&self) -> Key {
        "door".into()
    }
}

/// Opens a door that somebody must unlock first; tells each time it tries in which epoch.
struct Open {
    tries: Arc<Mutex<Vec<u64>>>,
    unlocked: Arc<Semaphore>,
    /// Panics to come, in the step and in `failed`.
    panics: Arc<AtomicU32>,
    panics_at_end: Arc<AtomicU32>,
}

fn strikes(counter: &AtomicU32) -> bool {
    counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok()
}

impl Open {
    async fn push(self: Arc<Self>, cx: StepCx, (): ()) -> StepResult<Self> {
        self.tries.lock().push(cx.epoch);
        assert!(!strikes(&self.panics), "the hinge broke");
        let permit =
            self.unlocked.acquire().await.map_err(|_| StepError::Failed(kernel::Error::conflict("walled up")))?;
        drop(permit);
        Ok(Commit::with(|tx, ()| {
            tx.put(Door { state: "open".into() });
            Ok(())
        }))
    }
}

impl Flow for Open {
    const KIND: &'static str = "test.open";
    type State = ();
    fn steps() -> Vec<Step<Self>> {
        vec![Step::new("push", Self::push)]
    }
    fn failed(&self, tx: &mut Tx, (): &(), why: &str, _now: Timestamp) -> kernel::Result<()> {
        assert!(!strikes(&self.panics_at_end), "the last words stuck");
        tx.put(Door { state: why.to_owned() });
        Ok(())
    }
}

struct House {
    backend: Faulty,
    store: Store,
    starter: Starter,
    tries: Arc<Mutex<Vec<u64>>>,
    unlocked: Arc<Semaphore>,
    panics: Arc<AtomicU32>,
    panics_at_end: Arc<AtomicU32>,
}

impl House {
    async fn new() -> Self {
        let backend = Faulty::new(Memory::new());
        let store = Store::open(backend.clone(), Schema::new().with::<FlowRecord>().with::<Door>()).await.unwrap();
        Self {
            backend,
            store,
            starter: Starter::new("here".into()),
            tries: Arc::default(),
            unlocked: Arc::new(Semaphore::new(0)),
            panics: Arc::default(),
            panics_at_end: Arc::default(),
        }
    }

    fn builder(&self) -> EngineBuilder {
        let (tries, unlocked) = (self.tries.clone(), self.unlocked.clone());
        let (panics, panics_at_end) = (self.panics.clone(), self.panics_at_end.clone());
        EngineBuilder::new(self.starter.clone()).lease(LEASE).register(Open { tries, unlocked, panics, panics_at_end })
    }

    fn engine(&self) -> Engine {
        self.builder().run(self.store.clone(), SystemClock::shared())
    }

    async fn start(&self) -> FlowId {
        let starter = self.starter.clone();
        let start = move |tx: &mut Tx| {
            let (object, now) = ("test.door/door".into(), Timestamp::default());
            starter.start(tx, Start::<Open> { object, state: (), request_id: &RequestId::new(), now })
        };
        self.store.transact("test", start).await.unwrap()
    }

    fn record(&self, id: &FlowId) -> Option<Arc<FlowRecord>> {
        self.store.snapshot().get::<FlowRecord>(id)
    }

    fn door(&self) -> Option<String> {
        self.store.snapshot().get::<Door>("door").map(|d| d.state.clone())
    }

    fn tries(&self) -> Vec<u64> {
        self.tries.lock().clone()
    }
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let met = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), met).await.unwrap_or_else(|_| panic!("never: {what}"));
}

/// What SIGSTOP and SIGCONT do: nothing of this process runs until the lease is over. (The test's runtime has one thread.)
fn freeze() {
    std::thread::sleep(LEASE * 2);
}

#[tokio::test]
async fn a_process_that_was_frozen_begins_a_new_life() {
    let house = House::new().await;
    let _engine = house.engine();
    let id = house.start().await;
    until("the step runs", || !house.tries().is_empty()).await;
    let before = house.record(&id).unwrap().owner.clone();
    freeze();
    until("the flow is adopted and its step runs again", || house.tries().len() == 2).await;
    let after = house.record(&id).unwrap().owner.clone();
    assert_ne!(before.incarnation, after.incarnation);
    assert_eq!((after.epoch, house.tries()), (2, vec![1, 2]));
    // What is started from now on bears the new name, and its executor runs.
    let next = house.start().await;
    assert_eq!(house.record(&next).unwrap().owner.incarnation, after.incarnation);
    house.unlocked.add_permits(1);
    until("both flows end", || house.record(&id).is_none() && house.record(&next).is_none()).await;
    assert_eq!(house.store.leases().await.unwrap(), [format!("flow/{}", after.incarnation)]);
}

#[tokio::test]
async fn no_step_begins_after_the_lease_is_over() {
    let house = House::new().await;
    house.unlocked.add_permits(1);
    let faults = house.backend.faults.clone();
    let _engine = house.engine();
    while house.store.leases().await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    faults.lost_renewals.store(u32::MAX, Ordering::Relaxed);
    freeze();
    let id = house.start().await;
    until("renewals are tried and lost", || faults.lost_renewals.load(Ordering::Relaxed) < u32::MAX - 3).await;
    assert_eq!(house.tries(), [] as [u64; 0]);
    faults.lost_renewals.store(0, Ordering::Relaxed);
    until("the flow ends", || house.record(&id).is_none()).await;
    assert_eq!((house.door().unwrap().as_str(), house.tries()), ("open", vec![2]), "in a new life");
}

fn counted(task: &str) -> u64 {
    let line = format!("tstack_panics_total{{task=\"{task}\"}} ");
    let text = telemetry::render();
    text.lines().find_map(|l| l.strip_prefix(&line)).map_or(0, |n| n.parse().unwrap())
}

struct PanicOnce(AtomicBool);

#[async_trait]
impl Probe for PanicOnce {
    async fn at(&self, point: Point) -> Action {
        let strikes = point == Point::BeforeCommit("push") && !self.0.swap(true, Ordering::Relaxed);
        assert!(!strikes, "the journal burnt");
        Action::Continue
    }
}

/// One test, since the counter is one for the process.
#[tokio::test]
async fn panics_are_counted_and_the_flow_goes_on() {
    let house = House::new().await;
    house.unlocked.add_permits(1);
    house.panics.store(1, Ordering::Relaxed);
    let engine = house.engine();
    let id = house.start().await;
    until("the flow ends after a step that panicked", || house.record(&id).is_none()).await;
    assert_eq!((house.door().unwrap().as_str(), counted("test.open")), ("open", 1));
    drop(engine);

    let engine = house.builder().probe(Arc::new(PanicOnce(AtomicBool::new(false))));
    let _engine = engine.run(house.store.clone(), SystemClock::shared());
    let id = house.start().await;
    until("the flow ends after an executor that panicked", || house.record(&id).is_none()).await;
    assert_eq!(counted("test.open"), 2);
}

#[tokio::test]
async fn last_words_that_panic_are_said_again() {
    let house = House::new().await;
    house.unlocked.close();
    house.panics_at_end.store(3, Ordering::Relaxed);
    let _engine = house.engine();
    let id = house.start().await;
    until("the flow is over", || house.record(&id).is_none_or(|r| r.phase == Phase::NeedsOperator)).await;
    assert_eq!((house.record(&id), house.door().unwrap().as_str()), (None, "walled up"));
}

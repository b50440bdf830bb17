//! The engine itself under torture, with a flow that makes two things outside and one object inside.

mod life;

use async_trait::async_trait;
use flow::{
    Commit, EngineBuilder, Flow, FlowRecord, Start, Starter, Step, StepCx, StepError, StepResult,
    testkit::{Disturbance, World, torture},
};
use kernel::{FlowId, Timestamp, ids::RequestId};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, sync::Arc};
use store::{Key, Object, Schema, Store, Tx};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct House {
    id: String,
    state: String,
    rooms: u32,
}

impl Object for House {
    const KIND: &'static str = "test.house";
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
}

/// What exists outside the store.
#[derive(Clone, Default)]
struct Ground(Arc<Mutex<BTreeSet<String>>>);

struct Build {
    ground: Ground,
}

#[derive(Clone, Serialize, Deserialize)]
struct State {
    house: String,
}

impl Build {
    async fn dig(self: Arc<Self>, _cx: StepCx, state: State) -> StepResult<Self> {
        self.ground.0.lock().insert(format!("pit-{}", state.house));
        Ok(Commit::nothing())
    }
    async fn undig(self: Arc<Self>, _cx: StepCx, state: State) -> StepResult<Self> {
        self.ground.0.lock().remove(&format!("pit-{}", state.house));
        Ok(Commit::nothing())
    }
    async fn raise(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        if cx.attempt == 1 {
            return Err(StepError::Retry(kernel::Error::unavailable("the crane is busy")));
        }
        self.ground.0.lock().insert(format!("walls-{}", state.house));
        Ok(Commit::with(|tx, state: &mut State| {
            tx.update::<House>(&state.house, |h| h.rooms = 3);
            Ok(())
        }))
    }
    async fn raze(self: Arc<Self>, _cx: StepCx, state: State) -> StepResult<Self> {
        self.ground.0.lock().remove(&format!("walls-{}", state.house));
        Ok(Commit::with(|tx, state: &mut State| {
            tx.update::<House>(&state.house, |h| h.rooms = 0);
            Ok(())
        }))
    }
    async fn finish(self: Arc<Self>, _cx: StepCx, _state: State) -> StepResult<Self> {
        Ok(Commit::with(|tx, state: &mut State| {
            tx.update::<House>(&state.house, |h| h.state = "ready".into());
            Ok(())
        }))
    }
}

impl Flow for Build {
    const KIND: &'static str = "test.build";
    type State = State;
    fn steps() -> Vec<Step<Self>> {
        vec![
            Step::new("dig", Self::dig).undo(Self::undig),
            Step::new("raise", Self::raise).undo(Self::raze),
            Step::new("finish", Self::finish),
        ]
    }
    fn failed(&self, tx: &mut Tx, state: &State, why: &str, _now: Timestamp) -> kernel::Result<()> {
        tx.update::<House>(&state.house, |h| h.state = format!("error: {why}"));
        Ok(())
    }
}

struct Site {
    store: Store,
    ground: Ground,
}

#[async_trait]
impl World for Site {
    async fn new() -> Self {
        let store = Store::in_memory(Schema::new().with::<FlowRecord>().with::<House>()).await;
        Self { store, ground: Ground::default() }
    }
    fn store(&self) -> Store {
        self.store.clone()
    }
    fn register(&self, engine: EngineBuilder) -> EngineBuilder {
        engine.register(Build { ground: self.ground.clone() })
    }
    async fn start(&self, starter: &Starter) -> FlowId {
        let starter = starter.clone();
        let start = move |tx: &mut Tx| {
            tx.put(House { id: "h".into(), state: "building".into(), rooms: 0 });
            let (object, state) = ("test.house/h".into(), State { house: "h".into() });
            let begin = Start::<Build> { object, state, request_id: &RequestId::new(), now: Timestamp::default() };
            starter.start(tx, begin)
        };
        self.store.transact("test", start).await.unwrap()
    }
    async fn check(&self, disturbance: Disturbance) {
        let house = self.store.snapshot().get::<House>("h").unwrap();
        let ground = self.ground.0.lock().clone();
        if let Disturbance::Failed(_) = disturbance {
            assert_eq!((house.state.as_str(), house.rooms), ("error: injected failure", 0), "{disturbance:?}");
            assert!(ground.is_empty(), "{disturbance:?} left {ground:?}");
        } else {
            assert_eq!((house.state.as_str(), house.rooms), ("ready", 3), "{disturbance:?}");
            assert_eq!(ground.len(), 2, "{disturbance:?}");
        }
    }
}

#[tokio::test]
async fn a_flow_survives_everything() {
    torture::<Site>().await;
}

#[tokio::test]
async fn a_cancelled_flow_is_undone() {
    let site = Site::new().await;
    let starter = Starter::new("n".into());
    let id = site.start(&starter).await;
    site.store.transact("test", move |tx| Ok(flow::cancel(tx, &id))).await.unwrap();
    let engine = site.register(EngineBuilder::new(starter)).run(site.store(), kernel::SystemClock::shared());
    let mut watch = site.store.watch();
    while site.store.snapshot().count::<FlowRecord>() > 0 {
        watch.next().await;
    }
    drop(engine);
    assert_eq!(site.store.snapshot().get::<House>("h").unwrap().state, "error: the operation was cancelled");
    assert!(site.ground.0.lock().is_empty());
}

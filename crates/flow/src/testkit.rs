//! `torture`: what every flow must survive.
//!
//! The flow runs once undisturbed, which gives the list of its points (before each step, before and after each commit). Then,
//! on a new world each time, it runs
//!
//! - with each step done twice,
//! - with each step failing definitely, and every undo done twice,
//! - killed at each point (the engine is dropped there, another takes over),
//! - frozen at each point (another takes over while the first still stands there; then the first goes on and must be
//!   refused),
//!
//! and after each run the world's `check` must find that the flow has ended and nothing is left of what should not be.

use crate::{Engine, EngineBuilder, FlowRecord, Starter};
use async_trait::async_trait;
use kernel::{Clock, FlowId, SystemClock};
use parking_lot::Mutex;
use std::{sync::Arc, time::Duration};
use store::Store;
use tokio::sync::Notify;

/// A place in a flow's run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Point {
    BeforeRun(&'static str),
    BeforeUndo(&'static str),
    BeforeCommit(&'static str),
    AfterCommit(&'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Continue,
    Fail,
    Twice,
}

/// Stands at every point. It may also never return, which freezes or (when the engine is dropped) kills the flow there.
#[async_trait]
pub trait Probe: Send + Sync {
    async fn at(&self, point: Point) -> Action;
}

/// How a run went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disturbance {
    None,
    Twice(&'static str),
    Failed(&'static str),
    Killed(Point),
    Frozen(Point),
}

/// A fresh world for one run.
#[async_trait]
pub trait World: Send + Sync + Sized + 'static {
    async fn new() -> Self;
    fn store(&self) -> Store;
    /// Registers the flow (and those it starts) with its drivers, which belong to the world and outlive engines.
    fn register(&self, engine: EngineBuilder) -> EngineBuilder;
    /// The transaction that starts the flow.
    async fn start(&self, starter: &Starter) -> FlowId;
    /// Called when the flow has ended: panics if something is not as it must be. `failed` tells that a step was made to fail.
    async fn check(&self, disturbance: Disturbance);
}

#[derive(Default)]
struct Script {
    disturbance: Option<Disturbance>,
    seen: Mutex<Vec<Point>>,
    struck: Mutex<bool>,
    reached: Notify,
    release: Notify,
}

#[async_trait]
impl Probe for Script {
    async fn at(&self, point: Point) -> Action {
        self.seen.lock().push(point);
        let first = |this: &Self| !std::mem::replace(&mut *this.struck.lock(), true);
        match (self.disturbance, point) {
            (Some(Disturbance::Twice(step)), Point::BeforeRun(at)) if step == at => Action::Twice,
            (Some(Disturbance::Failed(step)), Point::BeforeRun(at)) if step == at => Action::Fail,
            (Some(Disturbance::Failed(_)), Point::BeforeUndo(_)) => Action::Twice,
            (Some(Disturbance::Killed(at) | Disturbance::Frozen(at)), point) if at == point && first(self) => {
                self.reached.notify_one();
                self.release.notified().await;
                Action::Continue
            }
            _ => Action::Continue,
        }
    }
}

/// Runs a flow through everything. Panics with the disturbance in its message.
pub async fn torture<W: World>() {
    let points = once::<W>(Disturbance::None).await;
    let mut steps: Vec<&'static str> = Vec::new();
    for point in &points {
        if let Point::BeforeRun(step) = point
            && !steps.contains(step)
        {
            steps.push(step);
        }
    }
    for step in &steps {
        once::<W>(Disturbance::Twice(step)).await;
        once::<W>(Disturbance::Failed(step)).await;
    }
    for point in points {
        once::<W>(Disturbance::Killed(point)).await;
        once::<W>(Disturbance::Frozen(point)).await;
    }
}

async fn once<W: World>(disturbance: Disturbance) -> Vec<Point> {
    let world = W::new().await;
    let clock = SystemClock::shared();
    let script = Arc::new(Script { disturbance: Some(disturbance), ..Script::default() });
    let starter = Starter::new("first".into());
    let first = engine(&world, &starter, Some(script.clone()), &clock);
    first.ready().await;
    let id = world.start(&starter).await;
    let mut second: Option<Engine> = None;
    match disturbance {
        Disturbance::Killed(_) => {
            ended_or(&world, &id, disturbance, script.reached.notified()).await;
            drop(first);
            second = Some(takeover(&world, &id, &clock).await);
        }
        Disturbance::Frozen(_) => {
            ended_or(&world, &id, disturbance, script.reached.notified()).await;
            second = Some(takeover(&world, &id, &clock).await);
            ended_or(&world, &id, disturbance, std::future::pending()).await;
            script.release.notify_one();
            tokio::task::yield_now().await;
            drop(first);
        }
        _ => {
            ended_or(&world, &id, disturbance, std::future::pending()).await;
            drop(first);
        }
    }
    ended_or(&world, &id, disturbance, std::future::pending()).await;
    world.check(disturbance).await;
    drop(second);
    script.seen.lock().clone()
}

fn engine<W: World>(world: &W, starter: &Starter, probe: Option<Arc<dyn Probe>>, clock: &Arc<dyn Clock>) -> Engine {
    let builder = world.register(EngineBuilder::new(starter.clone()));
    let builder = match probe {
        Some(probe) => builder.probe(probe),
        None => builder,
    };
    builder.run(world.store(), Arc::clone(clock))
}

/// Gives the flow to a new process by hand, as if the first one's lease had ended.
async fn takeover<W: World>(world: &W, id: &FlowId, clock: &Arc<dyn Clock>) -> Engine {
    let starter = Starter::new("second".into());
    let (id, owner) = (id.clone(), starter.owner());
    let store = world.store();
    let moved = store.transact("testkit.takeover", move |tx| {
        let owner = owner.clone();
        tx.update::<FlowRecord>(&id, move |r| r.owner = crate::Owner { epoch: r.owner.epoch + 1, ..owner });
        Ok(())
    });
    moved.await.expect("the takeover is written");
    engine(world, &starter, None, clock)
}

/// Waits until the flow has ended, or for the other event.
async fn ended_or<W: World>(world: &W, id: &FlowId, disturbance: Disturbance, other: impl Future<Output = ()>) {
    let ended = async {
        let store = world.store();
        let mut watch = store.watch();
        while store.snapshot().contains::<FlowRecord>(id) {
            watch.next().await;
        }
    };
    let both = async {
        tokio::select! { () = ended => {}, () = other => {} }
    };
    if tokio::time::timeout(Duration::from_secs(60), both).await.is_err() {
        let record = world.store().snapshot().get::<FlowRecord>(id);
        panic!("{disturbance:?}: the flow did not end within a minute: {record:?}");
    }
}

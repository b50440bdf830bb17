//! Reconcilers: tasks that make the world as the store says it should be.

use async_trait::async_trait;
use kernel::Result;
use std::{sync::Arc, time::Duration};
use store::{Batch, Store, WatchItem};
use tokio::task::JoinHandle;

/// Takes no input: it looks at the store and at the world, and does the difference. Idempotent.
#[async_trait]
pub trait Reconciler: Send + Sync + 'static {
    fn name(&self) -> &'static str;
    /// It runs at least this often, whether or not anything changed.
    fn interval(&self) -> Duration;
    /// Whether a change calls for it at once.
    fn wants(&self, batch: &Batch) -> bool;
    async fn reconcile(&self) -> Result<()>;
}

/// Longest pause after errors.
const LONGEST: Duration = Duration::from_secs(30);

/// Runs a reconciler until the handle is aborted. A panic or an error is logged, and it runs again after a growing pause.
pub fn spawn_reconciler(store: &Store, reconciler: Arc<dyn Reconciler>) -> JoinHandle<()> {
    let mut watch = store.watch();
    tokio::spawn(async move {
        let mut failures = 0u32;
        loop {
            match telemetry::caught(reconciler.name(), reconciler.reconcile()).await {
                Ok(Ok(())) => failures = 0,
                Ok(Err(e)) => {
                    failures += 1;
                    tracing::warn!(reconciler = reconciler.name(), error = %e.internal_text(), failures, "reconciling failed");
                }
                Err(_counted) => failures += 1,
            }
            let pause = match failures {
                0 => reconciler.interval(),
                n => (Duration::from_millis(100) * 2u32.saturating_pow(n.min(10))).min(LONGEST),
            };
            let timer = tokio::time::sleep(pause);
            tokio::pin!(timer);
            loop {
                tokio::select! {
                    () = &mut timer => break,
                    item = watch.next() => match item {
                        WatchItem::Reset(_) => break,
                        WatchItem::Batch(batch) if failures == 0 && reconciler.wants(&batch) => break,
                        WatchItem::Batch(_) => {}
                    },
                }
            }
            // Whatever else has changed meanwhile is seen by the run that begins now.
            while watch.try_next().is_some() {}
        }
    })
}

//! Verbs that move bytes, and the sweeper of bytes that nobody came to claim.

pub(crate) mod fetch;
pub(crate) mod import_image;
mod keeper;

use crate::{ImageService, model::Location, ops::images::upload::forget_blob};
use async_trait::async_trait;
use flow::{EngineBuilder, Flow, FlowRecord, Reconciler, is_live};
use import_image::{ImportImage, State};
use kernel::Result;
use std::{sync::Arc, time::Duration};
use store::{Batch, Snapshot};

/// Registers the flows of this service.
pub fn flows(engine: EngineBuilder, service: &ImageService) -> EngineBuilder {
    engine.register(ImportImage(service.clone()))
}

/// What holds states.
#[must_use]
pub fn reconcilers(service: &ImageService) -> Vec<Arc<dyn Reconciler>> {
    vec![Arc::new(Sweeper(service.clone())), Arc::new(keeper::Keeper::new(service))]
}

/// Bytes that imports under way have written, which no image names yet.
pub(crate) fn claimed(snapshot: &Snapshot) -> Vec<Location> {
    let ours = snapshot.all::<FlowRecord>().filter(|r| r.kind == ImportImage::KIND);
    let states = ours.filter_map(|r| serde_json::from_value::<State>(r.state.clone()).ok());
    states
        .flat_map(|s| s.staged.into_iter().chain(s.original).chain(s.copied.into_iter().map(|c| c.location)))
        .collect()
}

/// Removes what flows of this process wrote and did not get to journal: a step that was run twice, or lost its flow while it
/// wrote. What a killed process leaves is collected by the next start.
pub(crate) struct Sweeper(ImageService);

#[async_trait]
impl Reconciler for Sweeper {
    fn name(&self) -> &'static str {
        "image.sweep"
    }
    fn interval(&self) -> Duration {
        Duration::from_secs(60)
    }
    fn wants(&self, _: &Batch) -> bool {
        false
    }
    async fn reconcile(&self) -> Result<()> {
        sweep(&self.0).await;
        Ok(())
    }
}

pub(crate) async fn sweep(service: &ImageService) {
    let snapshot = service.0.store.snapshot();
    let over = {
        let mut loose = service.0.loose.lock();
        let (live, over): (Vec<_>, Vec<_>) = loose.drain(..).partition(|(flow, _)| is_live(&snapshot, flow));
        *loose = live;
        over
    };
    for (_, location) in over {
        forget_blob(service, &location).await;
    }
}

//! The log as it comes in: batches, and a load of everything whenever batches were lost.

use crate::{
    Backend, Revision,
    backend::{BackendError, Loaded, RawBatch, RawWatch},
};
use futures_util::{StreamExt, stream, stream::BoxStream};
use std::{sync::Arc, time::Duration};

const RETRY: Duration = Duration::from_millis(200);

pub(super) enum Fed {
    Batch(Arc<RawBatch>),
    Loaded(Loaded),
    /// What is in the log cannot be read. The last item.
    Failed(BackendError),
}

struct Follow {
    backend: Arc<dyn Backend>,
    /// None: batches were lost.
    watch: Option<BoxStream<'static, RawWatch>>,
}

/// Every revision after `from`, without end.
pub(super) fn follow(backend: Arc<dyn Backend>, from: Revision) -> BoxStream<'static, Fed> {
    let watch = Some(backend.watch(from));
    stream::unfold(Some(Follow { backend, watch }), |follow| async {
        let mut follow = follow?;
        let fed = follow.next().await;
        let over = matches!(fed, Fed::Failed(_));
        Some((fed, (!over).then_some(follow)))
    })
    .boxed()
}

impl Follow {
    async fn next(&mut self) -> Fed {
        if let Some(watch) = &mut self.watch
            && let Some(RawWatch::Batch(batch)) = watch.next().await
        {
            return Fed::Batch(batch);
        }
        self.watch = None;
        loop {
            match self.backend.load().await {
                Ok(loaded) => {
                    self.watch = Some(self.backend.watch(loaded.revision));
                    return Fed::Loaded(loaded);
                }
                Err(e @ BackendError::Corrupt(_)) => return Fed::Failed(e),
                Err(e) => tracing::warn!(error = %e, "the store cannot be loaded now; trying again"),
            }
            tokio::time::sleep(RETRY).await;
        }
    }
}

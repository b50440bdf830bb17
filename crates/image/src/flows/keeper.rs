//! Brings images that were asked for into hosts' caches.
//!
//! Each pair of image and host is a task of this process, at most [`AT_ONCE`] at a time; a pair that is under way is not begun
//! again. A task that is lost with its process is begun by the next, as its request stands: bringing what is there is nothing.

use crate::{Image, ImageService, Status, model::CacheRequest, ops::cache};
use async_trait::async_trait;
use flow::Reconciler;
use kernel::{HostName, ImageId, Kind, Result};
use parking_lot::Mutex;
use std::{collections::HashSet, sync::Arc, time::Duration};
use store::Batch;
use tokio::sync::Semaphore;

const AT_ONCE: usize = 16;
/// For the bytes of one image.
const PATIENCE: Duration = Duration::from_secs(3600);

pub(crate) struct Keeper {
    service: ImageService,
    under_way: Arc<Mutex<HashSet<(ImageId, HostName)>>>,
    turns: Arc<Semaphore>,
}

impl Keeper {
    pub(crate) fn new(service: &ImageService) -> Self {
        Self { service: service.clone(), under_way: Arc::default(), turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    fn begin(&self, image: ImageId, host: HostName) {
        if !self.under_way.lock().insert((image.clone(), host.clone())) {
            return;
        }
        let (service, under_way, turns) = (self.service.clone(), Arc::clone(&self.under_way), Arc::clone(&self.turns));
        telemetry::spawn_caught("image.keep", async move {
            // The semaphore is never closed.
            let _turn = turns.acquire().await;
            let brought = telemetry::caught("image.keep", bring(&service, &image, &host)).await;
            if let Ok(Err(e)) = brought {
                tracing::warn!(%image, %host, error = %e.internal_text(), "a host does not have an image yet");
            }
            under_way.lock().remove(&(image, host));
        });
    }
}

/// Ends the request for a host that has the image, or has refused it for good.
async fn bring(service: &ImageService, id: &ImageId, host: &HostName) -> Result<()> {
    let image = service.0.store.snapshot().get::<Image>(id).filter(|i| i.status == Status::Active);
    let Some(image) = image else { return cache::strike_off(service, id, host).await };
    match service.0.hosts.call(host, "image.cache", cache::source(&image), PATIENCE).await {
        Err(e) if e.is(Kind::Unavailable) => return Err(e),
        Err(e) => {
            tracing::warn!(image = %id, %host, error = %e.internal_text(), "a host refuses to keep an image");
        }
        Ok(_) => {}
    }
    cache::strike_off(service, id, host).await
}

#[async_trait]
impl Reconciler for Keeper {
    fn name(&self) -> &'static str {
        "image.keep"
    }
    fn interval(&self) -> Duration {
        Duration::from_secs(15)
    }
    fn wants(&self, batch: &Batch) -> bool {
        batch.of::<CacheRequest>().next().is_some()
    }
    async fn reconcile(&self) -> Result<()> {
        for request in cache::queued(&self.service) {
            for host in request.hosts.iter().filter(|h| self.service.0.hosts.is_connected(h)) {
                self.begin(request.image.clone(), host.clone());
            }
        }
        Ok(())
    }
}

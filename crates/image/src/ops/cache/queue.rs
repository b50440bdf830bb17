//! Asks hosts to keep an image ready, and knows who has yet to.

use crate::{Image, ImageService, Status, error, model::CacheRequest, policy, service::authorize};
use kernel::{Ctx, Error, HostName, ImageId, Result, Timestamp};
use std::{collections::BTreeSet, sync::Arc};
use store::Tx;

/// `PUT /v2/cache/{id}`: on every host that is there.
pub(crate) async fn queue_image(service: &ImageService, cx: &Ctx, id: &str) -> Result<()> {
    let image = service.find(cx, &service.0.store.snapshot(), id)?;
    let permit = authorize(cx, &policy::CACHE_IMAGE, &image)?;
    let hosts: BTreeSet<HostName> =
        service.0.hosts.hosts().into_iter().filter(|h| h.connected).map(|h| h.host).collect();
    let (id, now) = (image.id.clone(), cx.now());
    service.write(permit, "image.cache.queue", move |tx| enter(tx, &id, &hosts, now)).await
}

/// Writes that these hosts, too, are to bring the image into their cache.
pub(crate) fn enter(tx: &mut Tx, id: &ImageId, hosts: &BTreeSet<HostName>, now: Timestamp) -> Result<()> {
    let image = tx.get::<Image>(id).ok_or_else(|| error::not_found(id))?;
    if image.status != Status::Active {
        return Err(Error::bad_request("Only images with status active can be targeted for queueing"));
    }
    let mut hosts = hosts.clone();
    hosts.extend(tx.get::<CacheRequest>(id).iter().flat_map(|r| r.hosts.iter().cloned()));
    if !hosts.is_empty() {
        tx.put(CacheRequest { image: id.clone(), hosts, requested_at: now });
    }
    Ok(())
}

/// Requests that some host has yet to carry out.
pub(crate) fn queued(service: &ImageService) -> Vec<Arc<CacheRequest>> {
    service.0.store.snapshot().all::<CacheRequest>().collect()
}

/// A host has the image, or will never have it.
pub(crate) async fn strike_off(service: &ImageService, id: &ImageId, host: &HostName) -> Result<()> {
    let (id, host) = (id.clone(), host.clone());
    let strike = move |tx: &mut Tx| {
        let Some(request) = tx.get::<CacheRequest>(&id) else { return Ok(()) };
        let mut request = CacheRequest::clone(&request);
        request.hosts.remove(&host);
        if request.hosts.is_empty() {
            tx.delete::<CacheRequest>(&id);
        } else {
            tx.put(request);
        }
        Ok(())
    };
    service.0.store.transact("image.cache.strike_off", strike).await
}

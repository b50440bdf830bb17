use super::find_in;
use crate::{Compute, error::invalid, ops::servers::as_bad_request, policy::AGGREGATES_IMAGES};
use kernel::{Ctx, ImageId, Result};
use policy::Authorize;

/// Has all hosts of an aggregate keep these images ready; one that is away now does when it is back. Hosts need no right to see an
/// image: who asks does.
pub(crate) async fn cache_images(c: &Compute, cx: &Ctx, number: u64, images: Vec<ImageId>) -> Result<()> {
    let _permit = cx.authorize(&AGGREGATES_IMAGES, &())?;
    let mut once = images.clone();
    once.sort();
    once.dedup();
    if once.len() < images.len() {
        return Err(invalid("Duplicate images in request"));
    }
    let (service, cx) = (c.clone(), cx.clone());
    let ask = c.store.transact("compute.aggregate.images", move |tx| {
        let hosts = find_in(tx, number)?.hosts.clone();
        for id in &images {
            let known = service.images.visible(&cx, &tx.view().clone(), id);
            known.and_then(|_| service.images.cache(tx, id, &hosts, cx.now())).map_err(as_bad_request)?;
        }
        Ok(())
    });
    ask.await
}

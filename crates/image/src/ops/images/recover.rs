//! What a killed process left in `saving`, or had not yet staged, goes back to `queued`, at start.

use crate::{Image, ImageService, Status};
use kernel::Result;

pub(crate) async fn recover(service: &ImageService) -> Result<()> {
    let incarnation = service.0.incarnation.clone();
    let mend = move |tx: &mut store::Tx| {
        let mut left: Vec<_> = tx.by(Image::BY_STATUS, Status::Saving.as_str());
        left.extend(tx.by(Image::BY_STATUS, Status::Uploading.as_str()).into_iter().filter(|i| i.staged.is_none()));
        for image in left.iter().filter(|i| i.saving.as_ref().is_none_or(|s| s.incarnation != incarnation)) {
            tx.update::<Image>(&image.id, |i| (i.status, i.saving) = (Status::Queued, None));
        }
        Ok(())
    };
    service.0.store.transact("image.image.recover", mend).await?;
    collect_garbage(service).await
}

/// Bytes that a kill left without a record.
async fn collect_garbage(service: &ImageService) -> Result<()> {
    let claimed = crate::flows::claimed(&service.0.store.snapshot());
    for store in service.0.stores.iter().chain([&service.0.staging]) {
        let held = store.list().await?;
        for blob in held {
            let location = crate::model::Location { store: store.id().to_owned(), blob };
            if claimed.contains(&location) {
                continue;
            }
            super::upload::forget_blob(service, &location).await;
        }
    }
    Ok(())
}

//! Changes what does not touch the pool: name, description, metadata, flags.

use crate::{VolumeService, error, model::Volume, service::authorize};
use ::policy::Rule;
use kernel::{Ctx, Error, Result};
use std::{collections::BTreeMap, sync::Arc};

/// Applies an edit that may refuse.
pub(crate) async fn update_volume(
    service: &VolumeService,
    cx: &Ctx,
    rule: &'static Rule,
    id: &str,
    mut edit: impl FnMut(&mut Volume) -> Result<()> + Send + 'static,
) -> Result<Arc<Volume>> {
    let volume = service.find_volume(cx, id)?;
    let permit = authorize(cx, rule, &volume.project)?;
    let (id, now) = (volume.id.clone(), cx.now());
    let write = move |tx: &mut store::Tx| {
        let mut volume = Volume::clone(&*tx.get::<Volume>(&id).ok_or_else(|| error::no_volume(&id))?);
        edit(&mut volume)?;
        volume.updated_at = now;
        Ok(tx.put(volume))
    };
    service.write(permit, "volume.volume.update", write).await
}

/// Keys and values as Cinder has them: 1 to 255 characters, values up to 255.
pub(crate) fn check_metadata(metadata: &BTreeMap<String, String>) -> Result<()> {
    for (key, value) in metadata {
        if key.is_empty() || key.chars().count() > 255 || value.chars().count() > 255 {
            return Err(Error::bad_request(format!(
                "Invalid input for field/attribute metadata. Value: {key}={value}. A key has 1 to 255 characters, a value at most 255"
            )));
        }
    }
    Ok(())
}

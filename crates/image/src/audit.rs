//! What must be so between records and stores.

use crate::{Image, ImageService, Status};
use kernel::Result;
use std::collections::BTreeSet;

/// Sentences about what is not as it must be: active images without bytes, bytes without an image.
pub async fn audit(service: &ImageService) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for store in &service.0.stores {
        let held: BTreeSet<String> = store.list().await?.into_iter().collect();
        // Read after the listing: a blob is listed before its image points at it only while it is being saved.
        let snapshot = service.0.store.snapshot();
        let saving = snapshot.count_by(Image::BY_STATUS, Status::Saving.as_str()) > 0;
        let mut wanted = BTreeSet::new();
        for image in snapshot.all::<Image>() {
            for location in image.locations.iter().filter(|l| l.store == store.id()) {
                if !held.contains(&location.blob) {
                    findings.push(format!("image {}: its bytes are missing in store {}", image.id, store.id()));
                }
                wanted.insert(location.blob.clone());
            }
        }
        if !saving {
            for leaked in held.difference(&wanted) {
                findings.push(format!("image store {}: nobody claims the bytes {leaked}", store.id()));
            }
        }
    }
    for image in service.0.store.snapshot().by(Image::BY_STATUS, Status::Saving.as_str()) {
        if image.saving.as_ref().is_none_or(|s| s.incarnation != service.0.incarnation) {
            findings.push(format!("image {}: saving, but nobody writes it", image.id));
        }
    }
    Ok(findings)
}

//! What must be so between records and stores.

use crate::{Image, ImageService, Status};
use kernel::Result;
use std::collections::BTreeSet;

/// Sentences about what is not as it must be: active images without bytes, bytes without an image.
pub async fn audit(service: &ImageService) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for store in service.0.stores.iter().chain([&service.0.staging]) {
        let held: BTreeSet<String> = store.list().await?.into_iter().collect();
        // Read after the listing: a blob is listed before its image points at it only while it is being saved.
        let snapshot = service.0.store.snapshot();
        let writing = |s: Status| snapshot.count_by(Image::BY_STATUS, s.as_str()) > 0;
        let saving =
            writing(Status::Saving) || writing(Status::Importing) || !crate::flows::claimed(&snapshot).is_empty();
        let mut wanted = BTreeSet::new();
        for image in snapshot.all::<Image>() {
            let staged = image.staged.iter().map(|s| &s.location).filter(|_| image.import_task.is_none());
            for location in image.locations.iter().chain(staged).filter(|l| l.store == store.id()) {
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
    let snapshot = service.0.store.snapshot();
    for image in snapshot.all::<Image>().filter(|i| i.import_task.is_some()) {
        if flow::live_flow_of(&snapshot, &format!("image.image/{}", image.id)).is_none() {
            findings.push(format!("image {}: importing, but no flow does it", image.id));
        }
    }
    Ok(findings)
}

//! Glance's API v2, one file per resource.

mod cache;
mod data;
mod images;
mod import;
mod info;
mod members;
mod metadefs;
mod root;
mod schemas;
mod stores;
mod tasks;
mod views;

use crate::ImageService;
use http::{ApiRouter, FaultStyle, ServiceSpec, TrailingSlash};

#[must_use]
pub fn spec() -> ServiceSpec {
    let base = ServiceSpec::new("image", "/image", FaultStyle::Glance);
    ServiceSpec {
        trailing_slash: TrailingSlash::EmptyName,
        public: &["/", "/versions", "/v2"],
        unlimited: &["PUT /v2/images/{id}/file", "PUT /v2/images/{id}/stage"],
        ..base
    }
}

/// The newest version that is announced.
pub const NEWEST: &str = root::VERSIONS[0].0;

#[must_use]
pub fn router() -> ApiRouter<ImageService> {
    root::routes()
        .merge(images::routes())
        .merge(data::routes())
        .merge(members::routes())
        .merge(schemas::routes())
        .merge(info::routes())
        .merge(metadefs::routes())
        .merge(import::routes())
        .merge(tasks::routes())
        .merge(stores::routes())
        .merge(cache::routes())
}

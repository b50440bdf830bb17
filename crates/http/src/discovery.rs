//! Version documents: what clients ask before anything else. The services give the facts, this gives the shape.
//!
//! Two families exist. Keystone lists under `{"versions": {"values": […]}}`, everybody else under `{"versions": […]}`;
//! a single version is `{"version": {…}}` in both. Lists are answered with 300 by services that have several versions
//! to choose from (Keystone, Nova's and Cinder's root, Glance), else with 200.

use crate::{
    BaseUrl,
    reply::{json_response, link},
};
use axum::{http::StatusCode, response::Response};
use kernel::{Microversion, Timestamp};
use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Current,
    Supported,
    Deprecated,
    /// Keystone's word for current.
    Stable,
}

impl Status {
    fn as_str(self) -> &'static str {
        match self {
            Self::Current => "CURRENT",
            Self::Supported => "SUPPORTED",
            Self::Deprecated => "DEPRECATED",
            Self::Stable => "stable",
        }
    }
}

/// Microversions in a version document; who has none says so, for the keys are expected all the same.
#[derive(Clone, Copy, Debug)]
pub enum Micro {
    /// No keys at all (Keystone, Neutron, Glance).
    Absent,
    /// `version` and `min_version` (Nova, Cinder).
    Version { min: Microversion, max: Microversion },
    /// `max_version` and `min_version` (placement).
    MaxVersion { min: Microversion, max: Microversion },
}

/// One API version.
#[derive(Clone, Debug)]
pub struct ApiVersion {
    /// `v2.1`
    pub id: &'static str,
    pub status: Status,
    /// Where it lives, with the service's prefix: `/compute/v2.1/`.
    pub path: &'static str,
    pub updated: Option<Timestamp>,
    pub micro: Micro,
    /// `application/vnd.openstack.compute+json;version=2.1`
    pub media_type: Option<&'static str>,
}

impl ApiVersion {
    pub fn view(&self, base: &BaseUrl) -> Value {
        let mut view = json!({
            "id": self.id,
            "status": self.status.as_str(),
            "links": [link("self", base.join(self.path))],
        });
        if let Some(updated) = self.updated {
            view["updated"] = updated.iso_z().into();
        }
        match self.micro {
            Micro::Absent => {}
            Micro::Version { min, max } => {
                view["version"] = max.to_string().into();
                view["min_version"] = min.to_string().into();
            }
            Micro::MaxVersion { min, max } => {
                view["max_version"] = max.to_string().into();
                view["min_version"] = min.to_string().into();
            }
        }
        if let Some(media_type) = self.media_type {
            view["media-types"] = json!([{"base": "application/json", "type": media_type}]);
        }
        view
    }
}

/// `{"versions": […]}`
pub fn list(status: StatusCode, base: &BaseUrl, versions: &[ApiVersion]) -> Response {
    let views: Vec<_> = versions.iter().map(|v| v.view(base)).collect();
    json_response(status, &json!({"versions": views}))
}

/// Keystone's `{"versions": {"values": […]}}`
pub fn list_keystone(status: StatusCode, base: &BaseUrl, versions: &[ApiVersion]) -> Response {
    let views: Vec<_> = versions.iter().map(|v| v.view(base)).collect();
    json_response(status, &json!({"versions": {"values": views}}))
}

/// `{"version": {…}}`
pub fn one(base: &BaseUrl, version: &ApiVersion) -> Response {
    json_response(StatusCode::OK, &json!({"version": version.view(base)}))
}

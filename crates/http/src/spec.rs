//! What a service says about itself: where it lives, how it words faults, which versions it speaks, what needs no token.

use crate::FaultStyle;
use axum::http::HeaderName;
use kernel::Microversion;

/// All that the pipeline must know about a service; everything else is in its handlers.
#[derive(Clone, Debug)]
pub struct ServiceSpec {
    /// `compute`: metrics, logs and `tstack routes` call it so.
    pub name: &'static str,
    /// `/compute`; empty for what lives at the root.
    pub prefix: &'static str,
    pub style: FaultStyle,
    pub versioning: Versioning,
    /// What is served without a token, below the prefix: `"/"`, `"/v3"`, `"POST /v3/auth/tokens"`, `"/v2.1/{*rest}"`.
    /// Without a method: GET and HEAD. A valid token is honoured on these, an invalid one ignored.
    pub public: &'static [&'static str],
    /// Whose bodies may be of any size (image data), in the form of `public`, with a method.
    pub unlimited: &'static [&'static str],
    pub trailing_slash: TrailingSlash,
    /// Also sent with the request id, besides `X-Openstack-Request-Id`: Nova's and Cinder's own name for it.
    pub request_id_header: Option<HeaderName>,
}

impl ServiceSpec {
    /// A service at `/name` in the given style, unversioned, where only `/` is public.
    pub const fn new(name: &'static str, prefix: &'static str, style: FaultStyle) -> Self {
        Self {
            name,
            prefix,
            style,
            versioning: Versioning::None,
            public: &["/"],
            unlimited: &[],
            trailing_slash: TrailingSlash::Ignored,
            request_id_header: None,
        }
    }
}

/// What a slash at a path's end means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrailingSlash {
    Ignored,
    /// A name without a letter, which nothing has: `/v2/images/` is not found, as in Glance. The service's root and its versions
    /// (one step below it) may end with one all the same.
    EmptyName,
}

/// `X-Compute-Request-Id`, sent by Nova and Cinder.
pub const X_COMPUTE_REQUEST_ID: HeaderName = HeaderName::from_static("x-compute-request-id");
/// Nova's header from before `OpenStack-API-Version`.
pub const X_OPENSTACK_NOVA_API_VERSION: HeaderName = HeaderName::from_static("x-openstack-nova-api-version");

#[derive(Clone, Debug)]
pub enum Versioning {
    None,
    Micro(Micro),
}

/// Versions negotiated by header.
#[derive(Clone, Debug)]
pub struct Micro {
    /// Names a client may use in `OpenStack-API-Version: NAME 2.1`; answers carry the first.
    pub service_types: &'static [&'static str],
    /// An older header that carries the bare version.
    pub legacy: Option<HeaderName>,
    pub min: Microversion,
    pub max: Microversion,
    /// What a request without a header gets.
    pub default: Microversion,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionRange {
    pub min: Microversion,
    pub max: Microversion,
}

impl Versioning {
    pub fn range(&self) -> Option<VersionRange> {
        match self {
            Self::None => None,
            Self::Micro(m) => Some(VersionRange { min: m.min, max: m.max }),
        }
    }
}

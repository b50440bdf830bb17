//! Older addresses of the same API: `/v2/…` and `/v2.1/{project id}/…` are served as `/v2.1/…`.
//!
//! `/v2` knows no microversions: headers that ask for one are taken away there.

use axum::{
    Router,
    extract::Request,
    http::{HeaderName, Uri, uri::PathAndQuery},
    middleware::map_request,
};
use std::borrow::Cow;

const VERSION_HEADERS: [HeaderName; 2] =
    [HeaderName::from_static("openstack-api-version"), http::X_OPENSTACK_NOVA_API_VERSION];

pub(super) fn around(router: Router) -> Router {
    router.layer(map_request(rewrite))
}

async fn rewrite(mut request: Request) -> Request {
    let path = request.uri().path();
    if path.starts_with("/compute/v2/") {
        for header in VERSION_HEADERS {
            request.headers_mut().remove(header);
        }
    }
    if let Cow::Owned(path) = modern(request.uri().path())
        && let Some(uri) = with_path(request.uri(), &path)
    {
        *request.uri_mut() = uri;
    }
    request
}

fn with_path(uri: &Uri, path: &str) -> Option<Uri> {
    let path_and_query = match uri.query() {
        Some(query) => PathAndQuery::try_from(format!("{path}?{query}")),
        None => PathAndQuery::try_from(path),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(path_and_query.ok()?);
    Uri::from_parts(parts).ok()
}

/// The address without project and with the version it is served as.
fn modern(path: &str) -> Cow<'_, str> {
    let Some(rest) = path.strip_prefix("/compute/v2") else { return Cow::Borrowed(path) };
    let (rest, old) = match rest.strip_prefix(".1") {
        Some(rest) => (rest, false),
        None => (rest, true),
    };
    let Some(below) = rest.strip_prefix('/') else { return Cow::Borrowed(path) };
    let (first, tail) = below.split_once('/').map_or((below, ""), |(first, tail)| (first, tail));
    match (is_project(first), old) {
        (true, _) => Cow::Owned(format!("/compute/v2.1/{tail}")),
        (false, true) if !below.is_empty() => Cow::Owned(format!("/compute/v2.1/{below}")),
        _ => Cow::Borrowed(path),
    }
}

/// A project's id: 32 hexadecimal digits, or a UUID. No resource is called so.
fn is_project(segment: &str) -> bool {
    let digits = segment.bytes().filter(u8::is_ascii_hexdigit).count();
    digits == 32 && matches!(segment.len(), 32 | 36) && segment.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_addresses_become_new_ones() {
        let project = "0123456789abcdef0123456789abcdef";
        for (old, new) in [
            ("/compute/v2.1/servers", "/compute/v2.1/servers"),
            ("/compute/v2/servers/detail", "/compute/v2.1/servers/detail"),
            (&format!("/compute/v2.1/{project}/servers/x"), "/compute/v2.1/servers/x"),
            (&format!("/compute/v2/{project}/flavors"), "/compute/v2.1/flavors"),
            ("/compute/v2.1/01234567-89ab-cdef-0123-456789abcdef/limits", "/compute/v2.1/limits"),
            ("/compute/v2", "/compute/v2"),
            ("/compute/v2/", "/compute/v2/"),
            ("/compute/v2.1/", "/compute/v2.1/"),
            ("/compute/", "/compute/"),
        ] {
            assert_eq!(modern(old), new);
        }
    }
}

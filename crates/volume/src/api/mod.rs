//! Cinder's API v3, one file per resource.
//!
//! Every path is served with and without the project's id (`/v3/{project_id}/volumes` and `/v3/volumes`). The id is taken off
//! before routing ([`finish`]); one that is not the token's is refused with 400, as Cinder does.

mod attachments;
mod backups;
mod clusters;
mod default_types;
mod group_types;
mod groups;
mod info;
mod limits;
mod manage;
mod messages;
mod qos;
mod quotas;
mod root;
mod services;
mod snapshots;
mod specs;
mod transfers;
mod type_extras;
mod types;
mod views;
mod volume_actions;
mod volumes;

use crate::{
    VolumeService,
    ops::listing::{Listed, Query, Row},
};
use http::axum::{
    Router,
    extract::{FromRequestParts, Request},
    http::{Uri, request::Parts},
    middleware::map_request,
};
use http::{ApiError, ApiResult, ApiRouter, Cx, Deps, FaultStyle, Micro, ServiceSpec, TrailingSlash, Versioning};
use kernel::{Ctx, Error, Microversion};

/// What is announced is what is served.
pub(crate) const MIN: Microversion = Microversion::new(3, 0);
pub(crate) const MAX: Microversion = Microversion::new(3, 71);

#[must_use]
pub fn spec() -> ServiceSpec {
    let micro = Micro {
        service_types: &["volume", "block-storage", "volumev3"],
        legacy: None,
        min: MIN,
        max: MAX,
        default: MIN,
    };
    let base = ServiceSpec::new("volume", "/volume", FaultStyle::Cinder);
    ServiceSpec {
        versioning: Versioning::Micro(micro),
        public: &["/", "/v3"],
        trailing_slash: TrailingSlash::EmptyName,
        ..base
    }
}

#[must_use]
pub fn router() -> ApiRouter<VolumeService> {
    root::routes()
        .merge(volumes::routes())
        .merge(volume_actions::routes())
        .merge(snapshots::routes())
        .merge(attachments::routes())
        .merge(types::routes())
        .merge(specs::routes())
        .merge(type_extras::routes())
        .merge(qos::routes())
        .merge(default_types::routes())
        .merge(group_types::routes())
        .merge(groups::routes())
        .merge(backups::routes())
        .merge(transfers::routes())
        .merge(messages::routes())
        .merge(quotas::routes())
        .merge(limits::routes())
        .merge(services::routes())
        .merge(clusters::routes())
        .merge(manage::routes())
        .merge(info::routes())
}

/// The service, ready to be served.
pub fn finish(service: VolumeService, deps: Deps) -> Router {
    router().finish(spec(), service, deps).layer(map_request(async |request: Request| without_project(request)))
}

/// The project's id that stood in the path.
#[derive(Clone)]
struct UrlProject(String);

fn without_project(mut request: Request) -> Request {
    let path = request.uri().path();
    let Some(rest) = path.strip_prefix("/volume/v3/") else { return request };
    let (first, tail) = rest.split_once('/').unwrap_or((rest, ""));
    let is_id = matches!(first.len(), 32 | 36) && first.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    if !is_id || tail.is_empty() {
        return request;
    }
    let query = request.uri().query().map(|q| format!("?{q}")).unwrap_or_default();
    let (project, path) = (first.to_owned(), format!("/volume/v3/{tail}{query}"));
    if let Ok(uri) = path.parse::<Uri>() {
        *request.uri_mut() = uri;
        request.extensions_mut().insert(UrlProject(project));
    }
    request
}

/// What came with a microversion is not there before it.
fn since(cx: &Ctx, minor: u16) -> kernel::Result<()> {
    if cx.version.since(3, minor) { Ok(()) } else { Err(Error::not_found("The resource could not be found.")) }
}

/// A boolean as clients send it: `true`, `"True"`, `"1"`.
pub(crate) fn read_flag(value: &serde_json::Value, name: &str) -> kernel::Result<bool> {
    let text = value.as_str().map(str::to_lowercase);
    match (value, text.as_deref()) {
        (serde_json::Value::Bool(on), _) => Ok(*on),
        (_, Some("true" | "1" | "on" | "yes" | "t" | "y")) => Ok(true),
        (_, Some("false" | "0" | "off" | "no" | "f" | "n")) => Ok(false),
        _ => Err(Error::bad_request(format!(
            "Invalid input for field/attribute {name}. Value: {value}. {value} is not a boolean"
        ))),
    }
}

/// What a list's handler is given.
struct ListCx {
    cx: Ctx,
    base: http::BaseUrl,
    params: http::Params,
}

impl<S: Send + Sync> FromRequestParts<S> for ListCx {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let VolumeCx(cx) = VolumeCx::from_request_parts(parts, state).await?;
        let Ok(base) = http::BaseUrl::from_request_parts(parts, state).await;
        let params = http::Params::from_request_parts(parts, state).await?;
        Ok(Self { cx, base, params })
    }
}

impl ListCx {
    fn query(&self) -> kernel::Result<Query<'_>> {
        Query::new(&self.params.0)
    }

    /// A list with the link to its next page, and the count if it is asked for; `path` is the collection's.
    fn show<T: Row>(
        &self,
        path: &str,
        key: &str,
        listed: &Listed<T>,
        view: impl Fn(&T) -> serde_json::Value,
    ) -> ApiResult {
        let mut out = serde_json::json!({});
        out[key] = listed.items.iter().map(|item| view(item)).collect();
        if let Some(last) = listed.items.last().filter(|_| listed.more) {
            let href = http::next_link(&self.base, path, &self.params, last.id());
            out[format!("{key}_links")] = serde_json::json!([{"rel": "next", "href": href}]);
        }
        if self.query()?.with_count(&self.cx) {
            out["count"] = serde_json::json!(listed.total);
        }
        Ok(http::ok(&out))
    }
}

/// A text of a request's body that may be missing.
fn text(value: &serde_json::Value, key: &str) -> Option<String> {
    value[key].as_str().map(str::to_owned)
}

/// What a body that changes one key has for the key in the path.
fn item(given: Option<&str>) -> kernel::Result<String> {
    given.map(str::to_owned).ok_or_else(|| Error::bad_request("Request body and URI mismatch"))
}

/// A request's context, after the project in the path was compared with the token's.
pub(crate) struct VolumeCx(pub(crate) Ctx);

impl<S: Send + Sync> FromRequestParts<S> for VolumeCx {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let named = parts.extensions.get::<UrlProject>().cloned();
        let Cx(cx) =
            Cx::from_request_parts(parts, state).await.map_err(|_| ApiError(Error::unauthorized("no token")))?;
        let fits = named.is_none_or(|UrlProject(id)| cx.credentials.project().is_some_and(|p| p.as_str() == id));
        if fits { Ok(Self(cx)) } else { Err(Error::bad_request("Malformed request url").into()) }
    }
}

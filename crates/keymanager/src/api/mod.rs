//! Barbican's API v1, one file per resource.

mod access;
mod containers;
mod orders;
mod quotas;
mod secret_extras;
mod secrets;
mod stores;
mod transport_keys;
mod versions;
mod views;

use crate::{KeyManager, ops::paging::Paged};
use http::axum::{
    Router,
    extract::{FromRequest, Request},
};
use http::{ApiError, ApiResult, ApiRouter, BaseUrl, Deps, FaultStyle, Micro, Params, ServiceSpec, Versioning, header};
use kernel::{Error, Kind, Microversion};
use serde_json::{Value, json};

/// What is announced is what is served.
pub(crate) const MIN: Microversion = Microversion::new(1, 0);
pub(crate) const MAX: Microversion = Microversion::new(1, 2);

#[must_use]
pub fn spec() -> ServiceSpec {
    let micro = Micro { service_types: &["key-manager"], legacy: None, min: MIN, max: MAX, default: MIN };
    let base = ServiceSpec::new("key-manager", "/key-manager", FaultStyle::Barbican);
    ServiceSpec { versioning: Versioning::Micro(micro), public: &["/", "/v1"], ..base }
}

#[must_use]
pub fn router() -> ApiRouter<KeyManager> {
    versions::routes()
        .merge(secrets::routes())
        .merge(secret_extras::routes())
        .merge(access::routes())
        .merge(orders::routes())
        .merge(containers::routes())
        .merge(quotas::routes())
        .merge(stores::routes())
        .merge(transport_keys::routes())
}

/// The service, ready to be served.
pub fn finish(service: KeyManager, deps: Deps) -> Router {
    router().finish(spec(), service, deps)
}

/// A JSON body that says that it is one; blanks at both ends of its texts are taken off, as Barbican does.
struct Json(Value);

impl<S: Send + Sync> FromRequest<S> for Json {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        if kind.split(';').next().map(str::trim) != Some("application/json") {
            let text = "Unexpected content type. Expected content types are: ['application/json']";
            return Err(Error::of(Kind::UnsupportedMediaType, text).into());
        }
        let http::JsonBody(mut body) = http::JsonBody::from_request(request, state).await?;
        strip(&mut body);
        Ok(Self(body))
    }
}

impl Json {
    /// Checks the body against a schema that refusals call `name`, then reads it.
    fn read<T: serde::de::DeserializeOwned>(self, schema: &http::Schema, name: &str) -> kernel::Result<T> {
        schema.check_barbican(name, &self.0)?;
        http::from_value(self.0)
    }
}

fn strip(value: &mut Value) {
    match value {
        Value::String(text) if text.trim().len() != text.len() => *text = text.trim().to_owned(),
        Value::Array(items) => items.iter_mut().for_each(strip),
        Value::Object(fields) => fields.values_mut().for_each(strip),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// `http://host/key-manager/v1/KIND/ID`
fn href(base: &BaseUrl, kind: &str, id: &str) -> String {
    base.join(&format!("/key-manager/v1/{kind}/{id}"))
}

/// An answer that says where what was made is.
fn made(status: http::StatusCode, name: &str, href: &str) -> http::Response {
    let mut response = http::json_response(status, &json!({name: href}));
    if let Ok(value) = http::HeaderValue::from_str(href) {
        response.headers_mut().insert(header::LOCATION, value);
    }
    response
}

/// A page of a list with the links to its neighbours; `path` is the collection's below `/v1`.
fn page<T>(
    base: &BaseUrl,
    params: &Params,
    path: &str,
    key: &str,
    paged: &Paged<T>,
    view: impl Fn(&T) -> Value,
) -> ApiResult {
    let mut out = json!({"total": paged.total});
    out[key] = paged.items.iter().map(view).collect();
    let (offset, limit) = (paged.paging.offset, paged.paging.limit);
    // The same question, asked of another part of the list.
    let link = |offset: usize| {
        let kept = params.0.iter().filter(|(k, _)| k != "limit" && k != "offset").cloned();
        let paged = [("limit".to_owned(), limit.to_string()), ("offset".to_owned(), offset.to_string())];
        http::query_link(base, &format!("/key-manager/v1/{path}"), paged.into_iter().chain(kept))
    };
    if !paged.items.is_empty() && offset > 0 {
        out["previous"] = link(offset.saturating_sub(limit)).into();
    }
    if !paged.items.is_empty() && paged.total > offset + limit {
        out["next"] = link(offset + limit).into();
    }
    Ok(http::ok(&out))
}

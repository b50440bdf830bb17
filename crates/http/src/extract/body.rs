//! JSON bodies: read whole (the pipeline bounds them), parsed once, refused in the service's words.

use crate::{ApiError, FaultStyle, RequestInfo, Schema};
use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderMap, header::CONTENT_TYPE},
};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError};
use kernel::{Error, Kind};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::error::Error as StdError;

/// A body that must be a `T`: for requests whose shape serde can judge. The error names the path to what is wrong.
pub struct Body<T>(pub T);

/// Any JSON; usually judged by a [`Schema`] next.
#[derive(Clone, Debug)]
pub struct JsonBody(pub Value);

impl JsonBody {
    /// Checks the body against `schema`, then reads it as a `T`.
    pub fn read<T: DeserializeOwned>(self, schema: &Schema) -> Result<T, Error> {
        schema.check(&self.0)?;
        from_value(self.0)
    }

    /// The body of a `POST …/action`: exactly one key, the action's name, and its arguments.
    pub fn action(self) -> Result<(String, Value), Error> {
        let malformed = || Error::bad_request("Malformed request body");
        match self.0 {
            Value::Object(map) if map.len() == 1 => map.into_iter().next().ok_or_else(malformed),
            _ => Err(malformed()),
        }
    }
}

/// Like `serde_json::from_value`, with Nova's words for what does not fit.
pub fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, Error> {
    serde_path_to_error::deserialize(value).map_err(|e| unfit(&e.path().to_string(), e.inner()))
}

fn unfit(path: &str, reason: &serde_json::Error) -> Error {
    let path = path.trim_start_matches('.');
    match path {
        "" => Error::bad_request(format!("Invalid input for the request body. {reason}")),
        path => Error::bad_request(format!("Invalid input for field/attribute {path}. {reason}")),
    }
}

impl<T, S> FromRequest<S> for Body<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let (bytes, style) = read(request, state).await?;
        match serde_json::from_slice(&bytes) {
            Ok(value) => Ok(Self(value)),
            // The quick way failed; the slow way finds out where.
            Err(_) => from_value(parse(&bytes, style)?).map(Self).map_err(ApiError),
        }
    }
}

impl<S: Send + Sync> FromRequest<S> for JsonBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let (bytes, style) = read(request, state).await?;
        Ok(Self(parse(&bytes, style)?))
    }
}

async fn read<S: Send + Sync>(request: Request, state: &S) -> Result<(Bytes, FaultStyle), ApiError> {
    let (mut parts, body) = request.into_parts();
    let info = RequestInfo::from_request_parts(&mut parts, state).await?;
    supported(&parts.headers)?;
    let body = body.collect().await.map_err(|e| body_error(&e))?;
    Ok((body.to_bytes(), info.style))
}

/// Why a body could not be read: too long, or the client gave up. For handlers that read a stream themselves.
pub fn body_error(error: &axum::Error) -> Error {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(e) = cause {
        if e.is::<LengthLimitError>() {
            return Error::too_large("Request is too large.");
        }
        cause = e.source();
    }
    Error::bad_request("The request body could not be read.").with_internal(error.to_string())
}

/// Real services look for JSON whatever the type says, and refuse what plainly is something else.
fn supported(headers: &HeaderMap) -> Result<(), Error> {
    let given = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let other = essence.ends_with("/xml") || essence.ends_with("+xml") || essence.starts_with("multipart/");
    if other { Err(Error::of(Kind::UnsupportedMediaType, "Unsupported Content-Type")) } else { Ok(()) }
}

fn parse(bytes: &[u8], style: FaultStyle) -> Result<Value, Error> {
    serde_json::from_slice(bytes).map_err(|error| {
        Error::bad_request(match style {
            FaultStyle::Keystone => {
                "Expecting to find valid JSON in request body. The server could not comply with the \
                 request since it is either malformed or otherwise incorrect. The client is assumed to be in error."
                    .to_owned()
            }
            FaultStyle::Nova | FaultStyle::Cinder | FaultStyle::Cloud => "Malformed request body".to_owned(),
            FaultStyle::Barbican => "Malformed JSON".to_owned(),
            FaultStyle::Glance => "Malformed JSON in request body.".to_owned(),
            FaultStyle::Placement => format!("Malformed JSON: {error}"),
            FaultStyle::Neutron => "The server could not comply with the request since it is either malformed or \
                 otherwise incorrect."
                .to_owned(),
        })
        .with_internal(error.to_string())
    })
}

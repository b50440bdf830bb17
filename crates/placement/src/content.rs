//! A request's body, judged as placement judges: the media type first, then the JSON, then its schema; and each only when the
//! operation asks for it, after it has asked whether the caller may and whether the object is there.

use crate::PlacementError;
use axum::{
    extract::{FromRequest, Request},
    http::{
        HeaderMap,
        header::{CONTENT_LENGTH, CONTENT_TYPE},
    },
};
use http::{ApiError, Schema, body_error, from_value};
use kernel::{Error, Kind, Result};
use serde::de::DeserializeOwned;
use serde_json::Value;

pub struct Content(Result<Vec<u8>>);

impl Content {
    /// The body as a `T`, if it fits the schema.
    pub(crate) fn read<T: DeserializeOwned>(self, schema: &Schema) -> Result<T> {
        let value = self.json()?;
        schema.check_placement("JSON does not validate", &value)?;
        from_value(value)
    }

    /// The media type is judged before it is looked whether the object is there.
    pub(crate) fn supported(self) -> Result<Self> {
        self.0.map(|bytes| Self(Ok(bytes)))
    }

    fn json(self) -> Result<Value> {
        let bytes = self.0?;
        serde_json::from_slice(&bytes).map_err(|e| PlacementError::Bad(format!("Malformed JSON: {e}")).into())
    }
}

impl<S: Sync> FromRequest<S> for Content {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        if let Err(error) = supported(&parts.headers) {
            return Ok(Self(Err(error)));
        }
        let bytes = axum::body::to_bytes(body, usize::MAX).await.map_err(|e| body_error(&e))?;
        Ok(Self(Ok(bytes.into())))
    }
}

fn supported(headers: &HeaderMap) -> Result<()> {
    let text = |name| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let essence = text(CONTENT_TYPE).split(';').next().unwrap_or_default().trim();
    match essence {
        "application/json" => Ok(()),
        "" if text(CONTENT_LENGTH).parse::<u64>().is_ok_and(|n| n > 0) => {
            Err(Error::bad_request("content-type header required when content-length > 0"))
        }
        given => {
            let given = if given.is_empty() { "None" } else { given };
            let text = format!("The media type {given} is not supported, use application/json");
            Err(Error::of(Kind::UnsupportedMediaType, text))
        }
    }
}

use crate::ApiError;
use axum::{
    extract::{FromRequestParts, path::ErrorKind, rejection::PathRejection},
    http::request::Parts,
};
use kernel::Error;
use serde::de::DeserializeOwned;

/// The variables of the route's path, decoded: `Path(id): Path<ServerId>`, `Path((a, b)): Path<(A, B)>`.
pub struct Path<T>(pub T);

impl<T, S> FromRequestParts<S> for Path<T>
where
    T: DeserializeOwned + Send,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(PathRejection::FailedToDeserializePathParams(failed)) => Err(ApiError(match failed.into_kind() {
                ErrorKind::InvalidUtf8InPathParam { .. } => Error::bad_request("The URL is not valid UTF-8."),
                // A number was wanted and something else given: no such object can exist.
                ErrorKind::ParseError { .. }
                | ErrorKind::ParseErrorAtIndex { .. }
                | ErrorKind::ParseErrorAtKey { .. }
                | ErrorKind::DeserializeError { .. } => Error::not_found("The resource could not be found."),
                other => Error::internal(format!("reading the path's variables: {other}")),
            })),
            Err(other) => Err(ApiError(Error::internal("reading the path's variables").with_source(other))),
        }
    }
}

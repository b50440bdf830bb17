//! The fixed words of each service.

use super::FaultStyle;
use axum::http::StatusCode;
use kernel::{Error, Kind, RequestId};

/// Nova's and Cinder's key for a status (`Fault._fault_names`).
pub(super) fn fault_name(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 => "badRequest",
        401 => "unauthorized",
        403 => "forbidden",
        404 => "itemNotFound",
        405 => "badMethod",
        409 => "conflictingRequest",
        413 | 429 => "overLimit",
        415 => "badMediaType",
        501 => "notImplemented",
        503 => "serviceUnavailable",
        _ => "computeFault",
    }
}

/// The exception class that Neutron names when the service gave no [`Error::code`] of its own.
pub(super) fn neutron_type(kind: Kind) -> &'static str {
    match kind {
        Kind::BadRequest => "BadRequest",
        Kind::Unauthorized => "HTTPUnauthorized",
        Kind::Forbidden => "PolicyNotAuthorized",
        Kind::OverQuota => "OverQuota",
        Kind::NotFound => "HTTPNotFound",
        Kind::MethodNotAllowed => "HTTPMethodNotAllowed",
        Kind::NotAcceptable => "HTTPNotAcceptable",
        Kind::Conflict => "Conflict",
        Kind::Gone => "HTTPGone",
        Kind::PreconditionFailed => "HTTPPreconditionFailed",
        Kind::TooLarge => "HTTPRequestEntityTooLarge",
        Kind::UnsupportedMediaType => "HTTPUnsupportedMediaType",
        Kind::RangeNotSatisfiable => "HTTPRequestRangeNotSatisfiable",
        Kind::TooManyRequests => "HTTPTooManyRequests",
        Kind::Internal => "HTTPInternalServerError",
        Kind::NotImplemented => "HTTPNotImplemented",
        Kind::Unavailable => "ServiceUnavailable",
    }
}

/// A status as Python's http.client words it.
pub(super) fn title(status: StatusCode) -> &'static str {
    match status.as_u16() {
        413 => "Request Entity Too Large",
        416 => "Requested Range Not Satisfiable",
        _ => status.canonical_reason().unwrap_or("Unknown"),
    }
}

/// The text for the client. An internal error is worded by the service, not by us: it says nothing but whom to ask.
pub(super) fn message(style: FaultStyle, error: &Error, request_id: &RequestId) -> String {
    if !error.is(Kind::Internal) {
        return error.message().to_owned();
    }
    match style {
        FaultStyle::Keystone => "An unexpected error prevented the server from fulfilling your request.".to_owned(),
        FaultStyle::Nova => format!(
            "Unexpected API Error. Please report this to the operator of this cloud with the request id below.\n{request_id}"
        ),
        FaultStyle::Neutron => "Request Failed: internal server error while processing your request.".to_owned(),
        FaultStyle::Cinder => {
            "The server has either erred or is incapable of performing the requested operation.".to_owned()
        }
        FaultStyle::Barbican => "Operation failure seen - please contact site administrator.".to_owned(),
        FaultStyle::Glance | FaultStyle::Placement => {
            "The server has either erred or is incapable of performing the requested operation.".to_owned()
        }
        FaultStyle::Cloud => {
            format!("an unexpected error prevented the server from answering; request id {request_id}")
        }
    }
}

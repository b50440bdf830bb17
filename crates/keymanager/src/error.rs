//! What can go wrong, in Barbican's words. A refusal after the body was read says in which operation it happened.

use kernel::{Error, Kind};

pub(crate) fn no_secret() -> Error {
    Error::not_found("Secret not found.")
}

pub(crate) fn no_payload() -> Error {
    Error::not_found("Not Found. Sorry but your secret has no payload.")
}

pub(crate) fn no_container() -> Error {
    Error::not_found("Secrets container not found.")
}

pub(crate) fn no_order() -> Error {
    Error::not_found("Order not found.")
}

pub(crate) fn no_metadata() -> Error {
    Error::not_found("Secret metadata not found.")
}

pub(crate) fn no_consumer() -> Error {
    Error::not_found("Consumer not found.")
}

pub(crate) fn bad_query() -> Error {
    Error::bad_request("URI provided invalid query string parameters.")
}

/// What Barbican says of an exception in the midst of an operation.
pub(crate) fn issue(kind: Kind, operation: &str, reason: impl std::fmt::Display) -> Error {
    Error::of(kind, format!("{operation} issue seen - {reason}."))
}

/// A body that fits the schema and is wrong all the same.
pub(crate) fn unfit(schema: &str, property: &str, reason: impl std::fmt::Display) -> Error {
    Error::bad_request(format!(
        "Provided object does not match schema '{schema}': {reason}. Invalid property: '{property}'"
    ))
}

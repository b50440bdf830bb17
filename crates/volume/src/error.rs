//! What can go wrong with volumes, in Cinder's words.

use kernel::Error;

pub(crate) fn no_volume(id: &str) -> Error {
    Error::not_found(format!("Volume {id} could not be found."))
}

pub(crate) fn no_snapshot(id: &str) -> Error {
    Error::not_found(format!("Snapshot {id} could not be found."))
}

pub(crate) fn no_attachment(id: &str) -> Error {
    Error::not_found(format!("Volume attachment could not be found with filter: attachment_id = {id}."))
}

pub(crate) fn no_type(id: &str) -> Error {
    Error::not_found(format!("Volume type {id} could not be found."))
}

pub(crate) fn invalid_volume(reason: impl std::fmt::Display) -> Error {
    Error::bad_request(format!("Invalid volume: {reason}"))
}

pub(crate) fn wrong_status(what: &str, wanted: &str, found: &str) -> Error {
    invalid_volume(format!("Volume status must be {wanted} to {what}, but current status is: {found}."))
}

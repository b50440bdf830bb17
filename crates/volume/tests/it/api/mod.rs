//! Requests through the router, answers as Cinder gives them.

mod attachments;
mod bad_input;
mod snapshots;
mod volumes;

//! Requests through the router, answers as Cinder gives them.

mod attachments;
mod backups;
mod bad_input;
mod groups;
mod legacy;
mod snapshots;
mod transfers;
mod types;
mod volumes;

//! Requests through the router, answers as Cinder gives them.

mod attachments;
mod backups;
mod bad_input;
mod clusters;
mod encryption;
mod groups;
mod legacy;
mod quotas;
mod snapshots;
mod transfers;
mod types;
mod volumes;

//! The crate's integration tests: a small service with one route of each sort, called in memory and over sockets.

mod client;
mod discovery;
mod faults;
mod paths;
mod pipeline;
mod property;
mod schemas;
mod service;
mod sockets;
mod tls;
mod versions;

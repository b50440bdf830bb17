//! The node: the one crate that sees all others, and the binary `tstack`.
//!
//! ```text
//!   config ─▶ store ─▶ services (wired to each other through ports) ─▶ one router ─▶ API port
//!                │                                                        │
//!                └▶ flow engine, reconcilers          gateway ◀── agents ─┘  (its own, in process; others by mTLS)
//! ```
//!
//! A **member** runs all of it; a **plain node** (`agent.member` set) runs only the agent and hands API calls on.
//! Everything outlives this process that must: guests, switches, storage daemons. A start adopts them, a stop leaves them;
//! only `tstack down --purge` removes them.

pub mod admin;
pub mod audit;
pub mod bootstrap;
pub mod cloud_api;
pub mod config;
pub mod console;
pub mod credentials;
pub mod daemon;
pub mod doctor;
pub mod drivers;
mod encryptor;
mod host_audit;
pub mod lab;
mod maintenance;
mod neighbours;
mod net_why;
pub mod observer;
pub mod plain;
pub mod policy_check;
pub mod policy_file;
mod pools;
pub mod purge;
pub mod routes;
pub mod runtime;
mod server_api;
pub mod services;
pub mod settings;
mod traffic;
pub mod up;

pub use config::Config;

//! The network drivers: OVN and Open vSwitch, an SDN controller behind an HTTP northbound, and a fake that keeps the same
//! contract (`network::driver`).
//!
//! ```text
//!   network service ── NetworkBackend ─▶ ovn ─────▶ northbound database ─▶ northd ─▶ ovn-controller of every host
//!                                    rest ────▶ a controller's northbound, which does the rest its own way
//!   agent ──────────── HostNetwork ────▶ host ────▶ the host's own Open vSwitch, its taps, its metadata namespaces
//!   node, cli ─────────────────────────▶ system ──▶ the processes of both, started, adopted, taken down; doctor
//!                                        audit      what is left that nobody claims      lab  several hosts on one machine
//!   below them: ovsdb (the databases' protocol), netns and link (namespaces and devices)
//! ```
//!
//! Invariants
//! - Whatever is made outside this process bears a mark by which it is known to be ours (an external id, an alias, a prefix),
//!   and is taken away by looking for the mark, not by remembering. So nothing depends on how the last process ended.
//! - Nothing is touched that does not bear it: an operator's own Open vSwitch runs on beside ours.
//! - All drivers pass [`conformance`]; what only packets can prove is in `tests/it`.

pub mod audit;
pub mod conformance;
pub mod fake;
pub mod host;
pub mod lab;
pub mod link;
pub mod netns;
pub mod ovn;
pub mod ovsdb;
pub mod rest;
pub mod system;

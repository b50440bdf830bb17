//! The store's behaviour.
//!
//! - `conformance`: what every back end must do, on memory, redb and a real etcd, bare and with faults injected
//! - `model`: long random histories against a simple model, with restarts
//! - `crash`: redb on a disk that loses, reorders and tears what was not synced; `kill`: redb and kill -9
//! - `cluster`: three etcd members, one killed, frozen, cut off, under load; the history is checked by `support::serial`
//! - the rest: one thing each, where the back end does not matter

mod cluster;
mod conformance;
mod crash;
mod etcd;
mod files;
mod kill;
mod model;

mod support;
mod writer;

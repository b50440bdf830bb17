//! The drivers against the conformance suites, and each against what only it has.

mod added;
mod convert;
mod data;
mod disk_full;
mod encrypted;
mod fake;
mod hostile;
mod images;
mod increments;
mod inspect;
mod killed;
mod pool;
mod rbd;
mod remote;
mod rig;
mod support;

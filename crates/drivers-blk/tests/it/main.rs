//! The drivers against the conformance suites, and each against what only it has.

mod convert;
mod disk_full;
mod fake;
mod images;
mod inspect;
mod killed;
mod pool;
mod remote;
mod rig;

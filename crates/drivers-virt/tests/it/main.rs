//! The drivers against the conformance suite, and each against what only it has.

mod audit;
mod bench;
mod cells;
mod encrypted;
mod fake;
mod guest;
mod hardware;
mod killed;
mod linux;
mod litter;
mod qemu;
mod tpm;
mod witness;

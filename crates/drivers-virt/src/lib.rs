//! Drivers of compute's [`Hypervisor`](compute::driver::Hypervisor): the real one ([`qemu`]), the one in memory ([`fake`]), and the
//! suite both pass ([`conformance`]).
//!
//! The contract is `compute::driver`'s. What drivers add to it, so that flows can tell: an error of kind `Unavailable` means that
//! the outcome is not known (ask again); every other error means that what was asked did not happen.

pub mod conformance;
mod console;
pub mod fake;
mod iso9660;
pub mod key_file;
pub mod qemu;

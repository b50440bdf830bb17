//! The suites that every [`ImageStore`](image::driver::ImageStore) and every [`VolumeBackend`](volume::driver::VolumeBackend) passes.
//!
//! A driver's tests make a bench — the driver and the ground it stands on — and call [`image_store_conformance!`] or
//! [`volume_conformance!`], which make one test of each case.

pub mod images;
pub mod volumes;

use kernel::{Kind, Result};
use std::fmt::Debug;

/// Whatever is asked for must be refused, in this way.
pub(crate) fn refused<T: Debug>(outcome: Result<T>, kind: Kind) {
    let e = outcome.expect_err("this must be refused");
    assert_eq!(e.kind(), kind, "{e:?}");
}

//! Volumes as files: the suite, and what only this pool has.

use crate::rig::Pool;
use drivers_blk::volume_conformance;

volume_conformance!(Pool::new());

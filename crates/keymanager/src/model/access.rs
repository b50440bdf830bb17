//! Who else may read something, and whether its whole project may.

use kernel::{Timestamp, UserId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The list for the operation `read`, which is the only one that Barbican has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    pub users: BTreeSet<UserId>,
    /// Whether the members of its project may, as they may without a list.
    pub project: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

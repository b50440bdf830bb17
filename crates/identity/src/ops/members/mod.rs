//! Users in groups, seen from either side.

mod add;
mod check;
mod groups_of;
mod list;
mod remove;

pub use add::add;
pub use check::check;
pub use groups_of::groups_of;
pub use list::list;
pub use remove::remove;

use crate::{
    Identity, Refusal,
    model::{Group, User, group, user},
};
use kernel::Result;
use std::sync::Arc;
use store::Snapshot;

/// Both ends of a membership, as far as they are there.
struct Pair {
    view: Snapshot,
    group: Option<Arc<Group>>,
    user: Option<Arc<User>>,
}

impl Pair {
    fn find(id: &Identity, group_id: &str, user_id: &str) -> Self {
        let view = id.view();
        let (group, user) = (group::find(&view, group_id), user::find(&view, user_id));
        Self { view, group, user }
    }

    fn both(&self, group_id: &str, user_id: &str) -> Result<(Arc<Group>, Arc<User>)> {
        let group = self.group.clone().ok_or_else(|| Refusal::not_found("group", group_id))?;
        let user = self.user.clone().ok_or_else(|| Refusal::not_found("user", user_id))?;
        Ok((group, user))
    }
}

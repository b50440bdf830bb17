//! Trusts: made by the trustor, used by the trustee (`tokens`), ended by the trustor.

mod create;
mod delete;
mod list;
mod show;

pub use create::{New, RoleRef, create};
pub use delete::delete;
pub use list::list;
pub use show::{role, roles, show};

pub(crate) use delete::take;

use crate::{
    Refusal,
    model::{Role, Trust, role as role_model, token::Method},
};
use kernel::{Ctx, Result, Timestamp};
use std::sync::Arc;
use store::Snapshot;

/// A trust with what its ids stand for.
#[derive(Clone, Debug)]
pub struct Full {
    pub trust: Arc<Trust>,
    /// Those that are still there.
    pub roles: Vec<Arc<Role>>,
}

impl Full {
    fn of(view: &Snapshot, trust: Arc<Trust>) -> Self {
        let roles = trust.roles.iter().filter_map(|id| role_model::find(view, id)).collect();
        Self { trust, roles }
    }
}

fn absent(id: &str) -> Refusal {
    Refusal::not_found("trust", id)
}

/// As in Keystone a trust is told to be missing before anybody is asked; its id is random. One that cannot be used any more
/// is as good as gone.
fn find(view: &Snapshot, id: &str, now: Timestamp) -> Result<Arc<Trust>> {
    view.get::<Trust>(id).filter(|trust| trust.usable(now)).ok_or_else(|| absent(id).into())
}

/// A trust lends what its trustor has, not what the token at hand was lent: so only a trust's own token may lend on.
fn not_lent(cx: &Ctx) -> Result<()> {
    match cx.credentials.methods.iter().filter_map(|m| Method::named(m)).any(Method::is_delegation) {
        false => Ok(()),
        true => Err(Refusal::Action("Delegated tokens cannot manage trusts.").into()),
    }
}

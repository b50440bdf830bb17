//! One role implies another: who has the first has the second.

mod create;
mod delete;
mod list;
mod show;

pub use create::create;
pub use delete::delete;
pub use list::{Inference, all, list};
pub use show::{check, show};

use crate::{
    Identity, Refusal,
    model::{Role, role},
    ops::on::On,
    policy::{Authorize, Permit},
};
use kernel::{Ctx, Result};
use policy::Rule;
use std::sync::Arc;

/// Both roles must be there before policy is asked, as in Keystone.
fn permitted(
    id: &Identity,
    cx: &Ctx,
    rule: &'static Rule,
    prior: &str,
    implied: &str,
) -> Result<(Arc<Role>, Arc<Role>, Permit)> {
    let view = id.view();
    let find = |id: &str| role::find(&view, id).ok_or_else(|| Refusal::not_found("role", id));
    let (prior, implied) = (find(prior)?, find(implied)?);
    let permit = cx.authorize(rule, &On::default().prior_role(Some(&prior)).implied_role(Some(&implied)))?;
    Ok((prior, implied, permit))
}

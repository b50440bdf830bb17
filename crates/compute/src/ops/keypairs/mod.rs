//! Users' key pairs.

mod certificate;
mod create;
mod delete;
mod list;
mod show;

pub(crate) use create::{NewKeypair, create};
pub(crate) use delete::delete;
pub(crate) use list::list;
pub(crate) use show::show;

use kernel::{Ctx, Result, UserId};
use policy::{Authorize, Permit, Rule, target};

/// Whose key pairs: the caller's, or from 2.10 on those of the user named, which needs permission.
fn whose(cx: &Ctx, rule: &'static Rule, user: Option<&str>) -> Result<(UserId, Permit)> {
    let named = user.filter(|_| cx.version.since(2, 10)).map(UserId::from);
    let user = named.unwrap_or_else(|| cx.credentials.user.clone());
    let permit = cx.authorize(rule, &target! { "user_id" => user })?;
    Ok((user, permit))
}

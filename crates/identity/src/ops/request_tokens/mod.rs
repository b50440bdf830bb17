//! Request tokens: what a consumer shows a user, and the user authorizes.

mod authorize;
mod create;

pub use authorize::{RoleRef, authorize};
pub use create::{Created, create};

use crate::{Refusal, model::RequestToken};
use kernel::{Result, Timestamp};

fn absent() -> Refusal {
    Refusal::Absent("Request token not found".into())
}

pub(crate) fn usable(
    token: Option<std::sync::Arc<RequestToken>>,
    now: Timestamp,
) -> Result<std::sync::Arc<RequestToken>> {
    let token = token.ok_or_else(absent)?;
    match token.expires.is_some_and(|at| now >= at) {
        false => Ok(token),
        true => Err(Refusal::Unauthorized("the request token is expired").into()),
    }
}

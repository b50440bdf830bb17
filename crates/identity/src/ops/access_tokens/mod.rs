//! Access tokens: what users let consumers do.

mod create;
mod delete;
mod list;
mod show;

pub use create::create;
pub use delete::delete;
pub use list::{FILTERS, list};
pub use show::{role, roles, show};

use crate::{Refusal, model::token::Method};
use kernel::{Ctx, Result};

fn absent() -> Refusal {
    Refusal::Absent("Access token not found".into())
}

/// Who was lent something does not look at what else was lent.
fn primary(cx: &Ctx) -> Result<()> {
    let who = &cx.credentials;
    match who.trust.is_some() || who.methods.iter().filter_map(|m| Method::named(m)).any(Method::is_delegation) {
        false => Ok(()),
        true => Err(Refusal::forbidden("Cannot list request tokens with a token issued via delegation.").into()),
    }
}

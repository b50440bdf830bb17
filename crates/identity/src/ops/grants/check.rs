use super::{Grant, Missing, absent};
use crate::{Identity, model::Assignment};
use kernel::{Ctx, Result};

pub fn check(id: &Identity, cx: &Ctx, grant: &Grant, role: &str) -> Result<()> {
    let _ = grant.permitted(id, cx, grant.rules().check, Some(role), Missing::IsAnError)?;
    let assignment = grant.of(role);
    if id.view().contains::<Assignment>(&assignment.id()) { Ok(()) } else { Err(absent(&assignment).into()) }
}

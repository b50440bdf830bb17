use super::{Grant, Missing};
use crate::{
    Identity,
    model::{Role, assignment::BY_ACTOR, role},
};
use kernel::{Ctx, Result};
use std::sync::Arc;

pub fn list(id: &Identity, cx: &Ctx, grant: &Grant) -> Result<Vec<Arc<Role>>> {
    let _ = grant.permitted(id, cx, grant.rules().list, None, Missing::IsAnError)?;
    let view = id.view();
    let here =
        view.by(BY_ACTOR, &grant.actor.key()).filter(|a| a.target == grant.target && a.inherited == grant.inherited);
    Ok(here.filter_map(|a| role::find(&view, &a.role)).collect())
}

use super::absent;
use crate::{
    Identity,
    model::RegisteredLimit,
    policy::{Authorize, limits::GET_REGISTERED_LIMIT},
};
use kernel::{Ctx, Result};
use std::sync::Arc;

pub fn show(id: &Identity, cx: &Ctx, limit_id: &str) -> Result<Arc<RegisteredLimit>> {
    let _ = cx.authorize(&GET_REGISTERED_LIMIT, &())?;
    id.view().get(limit_id).ok_or_else(|| absent(limit_id).into())
}

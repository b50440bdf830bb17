use crate::{
    Identity,
    model::Policy,
    ops::found::found,
    policy::{Authorize, policies::GET_POLICY},
};
use kernel::{Ctx, Result};
use std::sync::Arc;

pub fn show(id: &Identity, cx: &Ctx, policy_id: &str) -> Result<Arc<Policy>> {
    let _ = cx.authorize(&GET_POLICY, &())?;
    found(&id.view(), "policy", policy_id)
}

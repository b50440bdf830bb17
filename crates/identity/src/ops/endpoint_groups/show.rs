use super::WHAT;
use crate::{
    Identity,
    model::EndpointGroup,
    ops::found::found,
    policy::{Authorize, endpoint_filter::GET_ENDPOINT_GROUP},
};
use kernel::{Ctx, Result};
use std::sync::Arc;

pub fn show(id: &Identity, cx: &Ctx, group_id: &str) -> Result<Arc<EndpointGroup>> {
    let _ = cx.authorize(&GET_ENDPOINT_GROUP, &())?;
    found(&id.view(), WHAT, group_id)
}

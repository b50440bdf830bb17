use super::absent;
use crate::{
    Identity,
    model::Consumer,
    policy::{Authorize, oauth1::GET_CONSUMER},
};
use kernel::{Ctx, Result};
use std::sync::Arc;

pub fn show(id: &Identity, cx: &Ctx, consumer_id: &str) -> Result<Arc<Consumer>> {
    let _ = cx.authorize(&GET_CONSUMER, &())?;
    id.view().get(consumer_id).ok_or_else(|| absent().into())
}

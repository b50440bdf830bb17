use super::absent;
use crate::{
    Identity,
    model::Protocol,
    policy::{Authorize, federation::GET_PROTOCOL},
};
use kernel::{Ctx, Result};
use std::sync::Arc;

pub fn show(id: &Identity, cx: &Ctx, provider: &str, protocol: &str) -> Result<Arc<Protocol>> {
    let _ = cx.authorize(&GET_PROTOCOL, &())?;
    let found = id.view().get::<Protocol>(&Protocol::key_of(provider, protocol));
    found.ok_or_else(|| absent(provider, protocol).into())
}

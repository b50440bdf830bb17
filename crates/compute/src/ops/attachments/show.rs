use crate::{
    Compute,
    model::{BlockDevice, Server},
    ops::servers::permitted,
    policy::{ATTACHMENTS_INDEX, ATTACHMENTS_SHOW},
};
use kernel::{Ctx, Result};
use std::sync::Arc;

pub(crate) async fn list(c: &Compute, cx: &Ctx, server: &str) -> Result<Arc<Server>> {
    let (server, _permit) = permitted(cx, &c.store.read().await?, server, &ATTACHMENTS_INDEX)?;
    Ok(server)
}

pub(crate) async fn show(c: &Compute, cx: &Ctx, server: &str, volume: &str) -> Result<(Arc<Server>, BlockDevice)> {
    let (server, _permit) = permitted(cx, &c.store.read().await?, server, &ATTACHMENTS_SHOW)?;
    let device = super::device(&server, volume)?.clone();
    Ok((server, device))
}

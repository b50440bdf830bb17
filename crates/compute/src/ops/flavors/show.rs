use crate::{Compute, model::Flavor};
use kernel::{Ctx, Result};
use std::sync::Arc;

pub(crate) async fn show(c: &Compute, cx: &Ctx, id: &str) -> Result<Arc<Flavor>> {
    super::find(cx, &c.store.read().await?, id)
}

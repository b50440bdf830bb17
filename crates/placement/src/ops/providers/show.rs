use crate::model::Provider;
use kernel::{Ctx, Result};
use policy::{Authorize, Rule};
use std::sync::Arc;
use store::Snapshot;

/// One provider; each of its sub-resources has a rule of its own.
pub(crate) fn show(cx: &Ctx, snapshot: &Snapshot, rule: &'static Rule, id: &str) -> Result<Arc<Provider>> {
    let _ = cx.authorize(rule, &())?;
    super::find(snapshot, id)
}

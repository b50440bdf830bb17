//! Taking over what lies on a back end, and letting go what the service has.

pub(crate) mod candidates;
pub(crate) mod snapshots;
pub(crate) mod volumes;

use crate::model::VolumePool;
use kernel::{Error, Result};
use serde_json::Value;
use std::sync::Arc;
use store::Snapshot as View;

/// The pool that `host@backend` or `host@backend#pool` names.
pub(crate) fn pool(view: &View, host: &str) -> Result<Arc<VolumePool>> {
    let named = |p: &Arc<VolumePool>| p.name == host || p.name.split('#').next() == Some(host);
    view.all::<VolumePool>().find(named).ok_or_else(|| Error::unavailable(format!("Host '{host}' not found")))
}

/// The name in a reference: `{"source-name": …}`, or the name by itself.
pub(crate) fn reference(value: &Value) -> Result<String> {
    let name = value.as_str().or_else(|| value["source-name"].as_str()).map(str::trim).filter(|n| !n.is_empty());
    name.map(str::to_owned).ok_or_else(|| {
        Error::bad_request("Invalid input received: the reference must have a source-name, the name on the back end.")
    })
}

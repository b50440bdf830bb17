use super::BINARY;
use crate::{Compute, model::ComputeHost, ops::zones, policy::SERVICES_LIST};
use http::Params;
use kernel::{Ctx, Result, Timestamp};
use policy::Authorize;
use std::sync::Arc;
use store::Snapshot;

/// A service as it is now.
pub(crate) struct Service {
    pub(crate) host: Arc<ComputeHost>,
    pub(crate) zone: String,
    pub(crate) up: bool,
    /// When it was last heard of, or last changed.
    pub(crate) seen: Timestamp,
}

pub(crate) async fn list(c: &Compute, cx: &Ctx, params: &Params) -> Result<Vec<Service>> {
    let _permit = cx.authorize(&SERVICES_LIST, &())?;
    let snapshot = c.store.read().await?;
    if params.get("binary").is_some_and(|b| !b.is_empty() && b != BINARY) {
        return Ok(Vec::new());
    }
    let wanted = params.get("host").filter(|h| !h.is_empty());
    let hosts = snapshot.all::<ComputeHost>().filter(|h| wanted.is_none_or(|name| h.name == *name));
    Ok(hosts.map(|host| service(c, &snapshot, host)).collect())
}

pub(super) fn service(c: &Compute, snapshot: &Snapshot, host: Arc<ComputeHost>) -> Service {
    let heard = c.hosts.hosts().into_iter().find(|h| h.host == host.name);
    Service {
        zone: zones::zone_of(snapshot, &host),
        up: heard.as_ref().is_some_and(|h| h.connected) && !host.forced_down,
        seen: heard.map_or(host.updated, |h| h.last_seen.max(host.updated)),
        host,
    }
}

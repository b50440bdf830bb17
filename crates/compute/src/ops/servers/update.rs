use super::{find_in, permitted, trimmed};
use crate::{Compute, ComputeError, flows::guest::change_intent, model::Server, policy::SERVERS_UPDATE};
use kernel::{Ctx, Result};
use serde::{Deserialize, Deserializer};
use std::{net::IpAddr, sync::Arc};
use store::Snapshot;

/// What of a server its owner may change; absent: as it is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Update {
    pub(crate) name: Option<String>,
    #[serde(deserialize_with = "given")]
    pub(crate) description: Option<Option<String>>,
    pub(crate) hostname: Option<String>,
    #[serde(rename = "accessIPv4", deserialize_with = "given")]
    pub(crate) access_v4: Option<Option<String>>,
    #[serde(rename = "accessIPv6", deserialize_with = "given")]
    pub(crate) access_v6: Option<Option<String>>,
    #[serde(rename = "OS-DCF:diskConfig")]
    pub(crate) disk_config: Option<crate::model::DiskConfig>,
    #[serde(deserialize_with = "given")]
    pub(crate) pinned_availability_zone: Option<Option<String>>,
}

/// A null that was sent is not the same as nothing sent.
pub(crate) fn given<'de, D: Deserializer<'de>>(d: D) -> std::result::Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(d).map(Some)
}

pub(crate) async fn update(c: &Compute, cx: &Ctx, id: &str, update: Update) -> Result<(Arc<Server>, Snapshot)> {
    let (server, _permit) = permitted(cx, &c.store.read().await?, id, &SERVERS_UPDATE)?;
    let cx = cx.clone();
    let updated = c.store.transact("compute.server.update", move |tx| {
        let server = find_in(&cx, tx, &server.id)?;
        let mut new = Server::clone(&server);
        apply(&mut new, &update)?;
        new.updated = cx.now();
        let renamed = new.name != server.name || new.hostname != server.hostname;
        let new = tx.put(new);
        if renamed {
            change_intent(tx, &new.id, |intent| {
                (intent.metadata.name, intent.metadata.hostname) = (new.name.clone(), new.hostname.clone());
            });
        }
        Ok(tx.get::<Server>(&new.id).unwrap_or(new))
    });
    Ok((updated.await?, c.store.snapshot()))
}

fn apply(server: &mut Server, update: &Update) -> Result<()> {
    if let Some(name) = &update.name {
        server.name = trimmed(name);
    }
    if let Some(description) = &update.description {
        server.description.clone_from(description);
    }
    if let Some(hostname) = &update.hostname {
        server.hostname.clone_from(hostname);
    }
    if let Some(address) = &update.access_v4 {
        server.access_v4 = parse(address.as_deref());
    }
    if let Some(address) = &update.access_v6 {
        server.access_v6 = parse(address.as_deref());
    }
    if let Some(disk_config) = update.disk_config {
        server.disk_config = disk_config;
    }
    match &update.pinned_availability_zone {
        Some(zone) => pin(server, zone.as_deref()),
        None => Ok(()),
    }
}

/// The schema lets only addresses and the empty string through.
pub(super) fn parse(address: Option<&str>) -> Option<IpAddr> {
    address.and_then(|a| a.parse().ok())
}

/// A server can be unpinned, and pinned to where it is.
fn pin(server: &mut Server, zone: Option<&str>) -> Result<()> {
    match (zone, server.pinned_zone.as_deref(), server.availability_zone.as_deref()) {
        (None, _, _) => server.pinned_zone = None,
        (Some(zone), Some(pinned), _) if zone == pinned => {}
        (Some(_), Some(_), _) => {
            return Err(ComputeError::Conflict(
                "Cannot change pinned availability zone directly. Unpin first by setting pinned_availability_zone to null."
                    .into(),
            )
            .into());
        }
        (Some(zone), None, Some(current)) if zone == current => server.pinned_zone = Some(zone.into()),
        (Some(zone), None, current) => {
            return Err(ComputeError::Conflict(format!(
                "Server can only be pinned to its current availability zone '{}', but '{zone}' was requested.",
                current.unwrap_or_default()
            ))
            .into());
        }
    }
    Ok(())
}

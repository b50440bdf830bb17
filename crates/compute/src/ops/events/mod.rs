//! Events that other services tell compute of.

use crate::{
    Compute,
    model::{BlockDevice, Server},
    policy::EXTERNAL_EVENTS,
};
use kernel::{Ctx, Result, VolumeId};
use policy::Authorize;
use serde::Deserialize;
use serde_json::json;
use std::{sync::Arc, time::Duration};
use store::Snapshot;

const WITHIN: Duration = Duration::from_secs(30);

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ExternalEvent {
    pub(crate) name: String,
    pub(crate) server_uuid: String,
    #[serde(default = "completed")]
    pub(crate) status: String,
    #[serde(default)]
    pub(crate) tag: Option<String>,
}

fn completed() -> String {
    "completed".into()
}

/// What became of an event, as a status of HTTP.
pub(crate) struct Taken {
    pub(crate) event: ExternalEvent,
    pub(crate) code: u16,
}

/// Takes each event that concerns a server on a host. Networks and images tell us nothing that we would not know (they
/// write to the same store); a volume that was extended is told to its guest.
pub(crate) async fn take(c: &Compute, cx: &Ctx, events: Vec<ExternalEvent>) -> Result<Vec<Taken>> {
    let _permit = cx.authorize(&EXTERNAL_EVENTS, &())?;
    let snapshot = c.store.read().await?;
    let mut taken = Vec::with_capacity(events.len());
    for event in events {
        let code = match snapshot.get::<Server>(&event.server_uuid) {
            None => 404,
            Some(server) if server.host.is_none() => 422,
            Some(server) => {
                if event.name == "volume-extended" {
                    extended(c, &snapshot, &server, event.tag.as_deref());
                }
                200
            }
        };
        taken.push(Taken { event, code });
    }
    Ok(taken)
}

/// Tells the guest, without letting the caller wait for it: a guest that is off sees the new size when it starts.
fn extended(c: &Compute, snapshot: &Snapshot, server: &Server, tag: Option<&str>) {
    let volume = VolumeId::from(tag.unwrap_or_default());
    let has = |d: &&BlockDevice| d.volume().is_some_and(|v| v.volume == volume);
    let Some(disk) = server.devices.iter().find(has).map(BlockDevice::disk_id) else { return };
    let (Some(info), Some(host)) = (c.volumes.info(snapshot, &volume), server.host.clone()) else { return };
    let (hosts, id) = (Arc::clone(&c.hosts), server.id.clone());
    tokio::spawn(async move {
        let params = json!({"server": id, "disk": disk, "size_bytes": info.size_gib << 30});
        if let Err(e) = hosts.call(&host, "vm.resize_disk", params, WITHIN).await {
            tracing::warn!(server = %id, %volume, error = %e.internal_text(), "a guest was not told that its volume has grown");
        }
    });
}

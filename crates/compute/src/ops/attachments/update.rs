use super::device;
use crate::{
    Compute, ComputeError,
    error::invalid,
    model::{BlockDevice, Server, ServerState},
    ops::{
        is_true,
        servers::{as_bad_request, find, find_in, given, in_state, unlocked},
    },
    policy::{ATTACHMENTS_SWAP, ATTACHMENTS_UPDATE},
};
use kernel::{Ctx, Result};
use policy::{Authorize, target};
use serde::Deserialize;
use serde_json::Value;
use store::Snapshot;

/// States in which Nova exchanges volumes.
const EXCHANGED: &[ServerState] = &[ServerState::Active, ServerState::Paused, ServerState::Resized];

/// What a request says of an attachment: what it names and cannot be changed must be what it is.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct UpdateAttachment {
    #[serde(rename = "volumeId")]
    volume: String,
    #[serde(default)]
    id: Option<String>,
    #[serde(default, rename = "serverId")]
    server: Option<String>,
    #[serde(default, deserialize_with = "given")]
    device: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    tag: Option<Option<String>>,
    #[serde(default)]
    delete_on_termination: Option<Value>,
}

/// Changes whether a volume goes with its server (from 2.85 on); another volume in its place, and before 2.85 any volume, asks for
/// an exchange, which is for services that move volumes.
pub(crate) async fn update(
    c: &Compute,
    cx: &Ctx,
    server: &str,
    volume: String,
    wanted: UpdateAttachment,
) -> Result<()> {
    let snapshot = c.store.read().await?;
    let (server, new) = (find(cx, &snapshot, server)?, wanted.volume.clone());
    let exchange = !cx.version.since(2, 85) || wanted.volume != volume;
    let _permit = match exchange {
        true => cx.authorize(&ATTACHMENTS_SWAP, &())?,
        false => cx.authorize(&ATTACHMENTS_UPDATE, &target! { "project_id" => server.project })?,
    };
    if cx.version.since(2, 85) {
        unchanged(&server, device(&server, &volume)?, &volume, &wanted)?;
        let (cx, volume, server) = (cx.clone(), volume.clone(), server.id.clone());
        let write = c.store.transact("compute.attachment.update", move |tx| {
            let server = find_in(&cx, tx, &server)?;
            let at = device(&server, &volume)?.id.clone();
            let Some(delete) = wanted.delete_on_termination.as_ref().map(is_true) else { return Ok(()) };
            tx.update::<Server>(&server.id, |s| {
                s.devices.iter_mut().filter(|d| d.id == at).for_each(|d| d.delete_on_termination = delete);
            });
            Ok(())
        });
        write.await?;
    }
    if exchange { no_exchange(c, cx, &snapshot, &server, (&volume, &new)) } else { Ok(()) }
}

fn unchanged(server: &Server, device: &BlockDevice, volume: &str, wanted: &UpdateAttachment) -> Result<()> {
    let fixed = [
        ("id", wanted.id.as_deref().is_none_or(|id| id == volume)),
        ("serverId", wanted.server.as_deref().is_none_or(|id| server.id == *id)),
        ("device", wanted.device.as_ref().is_none_or(|name| name.as_deref() == Some(&device.device))),
        ("tag", wanted.tag.as_ref().is_none_or(|tag| *tag == device.tag)),
    ];
    match fixed.iter().find(|(_, same)| !same) {
        Some((name, _)) => Err(invalid(format!("The {name} property is not mutable"))),
        None => Ok(()),
    }
}

/// Why there is no exchange, asked as Nova asks, in its order. Whoever passes all that is not the volume service: volumes that move here
/// keep their id, by that service's own flow, and no other volume comes into it.
fn no_exchange(c: &Compute, cx: &Ctx, snapshot: &Snapshot, server: &Server, (old, new): (&str, &str)) -> Result<()> {
    let bad = |why: &str| Err(invalid(format!("Invalid volume: {why}")));
    let from = c.volumes.visible(cx, snapshot, old)?;
    if from.migration.is_none() {
        let text = format!("volume {old} is not migrating; this API should only be called by Cinder");
        return Err(ComputeError::Conflict(text).into());
    }
    let to = c.volumes.visible(cx, snapshot, new).map_err(as_bad_request)?;
    unlocked(cx, server)?;
    in_state(server, "swap_volume", EXCHANGED)?;
    if device(server, old).is_err() {
        return bad("Old volume is attached to a different instance.");
    }
    if matches!(to.status.as_str(), "in-use" | "detaching") {
        return bad("New volume must be detached in order to swap.");
    }
    if to.size_gib < from.size_gib {
        return bad("New volume must be the same size or larger.");
    }
    bad(&format!("volume {old} keeps its id wherever it moves; volume {new} is no copy of it"))
}

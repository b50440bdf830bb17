//! Rescue: the guest boots another image, with its own disks beside it, until it is unrescued.

use super::{
    Target,
    change::{Change, Failing, Restart, allowed, begin},
};
use crate::{
    Compute,
    error::invalid,
    model::{BlockDevice, Server, ServerState, Task, action::Verb, hardware, vm::Power, vtpm},
};
use kernel::{Ctx, Result};
use ports::ImageInfo;
use serde::Deserialize;
use store::Snapshot;

/// The body of `rescue`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Rescue {
    #[serde(rename = "adminPass")]
    admin_pass: Option<String>,
    #[serde(rename = "rescue_image_ref")]
    image: Option<String>,
}

const RESCUE: Change = Change {
    name: "rescue",
    states: &[ServerState::Active, ServerState::Stopped, ServerState::Error],
    verb: Verb::Rescue,
    task: Task::Rescuing,
    reach: ServerState::Rescued,
    restart: Restart::Hard,
    failing: Failing::Error,
};

const UNRESCUE: Change = Change {
    name: "unrescue",
    states: &[ServerState::Rescued],
    verb: Verb::Unrescue,
    task: Task::Unrescuing,
    reach: ServerState::Active,
    restart: Restart::Hard,
    failing: Failing::Error,
};

/// Boots a server from another image; returns the password for it.
pub(crate) async fn rescue(c: &Compute, cx: &Ctx, server: &Target, asked: Rescue) -> Result<String> {
    vtpm::refuse(server, "rescue")?;
    let image = rescue_image(c, cx, &c.store.read().await?, server, asked.image.as_deref())?;
    let password = asked.admin_pass.unwrap_or_else(super::create::password);
    let (service, ctx, found, admin_pass) = (c.clone(), cx.clone(), server.server(), password.clone());
    let begun = c.store.transact("compute.server.rescue", move |tx| {
        let server = allowed(&ctx, tx, &found, &RESCUE)?;
        begin(&service, &ctx, tx, &server, &RESCUE, |intent| {
            intent.power = Power::Running;
            hardware::rescue(intent, &server, &image, &admin_pass);
        })
    });
    begun.await?;
    Ok(password)
}

pub(crate) async fn unrescue(c: &Compute, cx: &Ctx, server: &Target) -> Result<()> {
    let (service, cx, found) = (c.clone(), cx.clone(), server.server());
    let begun = c.store.transact("compute.server.unrescue", move |tx| {
        let server = allowed(&cx, tx, &found, &UNRESCUE)?;
        begin(&service, &cx, tx, &server, &UNRESCUE, |intent| {
            intent.power = Power::Running;
            hardware::unrescue(intent, &server);
        })
    });
    begun.await
}

/// The image named, or what the server was made of.
fn rescue_image(c: &Compute, cx: &Ctx, snapshot: &Snapshot, server: &Server, named: Option<&str>) -> Result<ImageInfo> {
    let id = named.or(server.image.as_deref()).unwrap_or_default();
    let unsupported = || invalid(format!("Requested rescue image '{id}' is not supported"));
    let image = match named {
        Some(id) => c.images.visible(cx, snapshot, id).ok(),
        None => c.images.info(snapshot, id),
    };
    let stable = |i: &ImageInfo| ["hw_rescue_bus", "hw_rescue_device"].iter().all(|p| i.properties.contains_key(*p));
    let from_volume = server.root().and_then(BlockDevice::volume).is_some();
    if from_volume && !(cx.version.since(2, 87) && image.as_ref().is_some_and(stable)) {
        return Err(invalid(format!(
            "Instance {} cannot be rescued: Cannot rescue a volume-backed instance",
            server.id
        )));
    }
    image.filter(|i| i.status == "active" && !i.properties.contains_key("block_device_mapping")).ok_or_else(unsupported)
}

//! Rebuild: the server keeps its id, addresses and volumes, and gets its own disks anew, of the same image or another. From 2.93 on the
//! volume that it boots from is written over as well; before, it stays, and so does its image.

use super::{
    Target,
    change::{Change, Failing, Restart, allowed, begin, write},
    create::{build, request::Personality},
    trimmed,
    update::{given, parse},
};
use crate::{
    Compute, ComputeError,
    error::invalid,
    flows::rebuild_volume::{RebuildVolume, State},
    model::{
        BlockDevice, ComputeHost, DiskConfig, Server, ServerKey, ServerState, Task,
        action::Verb,
        device::Backing,
        hardware::{self, Build},
        machine,
        vm::{Power, VmIntent},
        vtpm,
        wishes::Asked,
    },
    policy::REBUILD_TRUSTED_CERTS,
};
use flow::Start;
use kernel::{Ctx, Error, Result};
use policy::{Authorize, target};
use ports::{ImageInfo, VolumeInfo};
use serde::{Deserialize, Deserializer};
use std::{collections::BTreeMap, sync::Arc};
use store::{Snapshot, Tx};

/// The body of `rebuild`; absent: as it is.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Rebuild {
    #[serde(rename = "imageRef")]
    image: String,
    #[serde(rename = "adminPass")]
    admin_pass: Option<String>,
    name: Option<String>,
    #[serde(default, deserialize_with = "given")]
    description: Option<Option<String>>,
    metadata: Option<BTreeMap<String, String>>,
    #[serde(default, deserialize_with = "given")]
    key_name: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    user_data: Option<Option<String>>,
    #[serde(default, deserialize_with = "certificates")]
    trusted_image_certificates: Option<Option<Vec<String>>>,
    hostname: Option<String>,
    #[serde(rename = "accessIPv4")]
    access_v4: Option<String>,
    #[serde(rename = "accessIPv6")]
    access_v6: Option<String>,
    #[serde(rename = "OS-DCF:diskConfig")]
    disk_config: Option<DiskConfig>,
    #[serde(default)]
    preserve_ephemeral: serde_json::Value,
    #[serde(default)]
    personality: Vec<Personality>,
}

fn certificates<'de, D: Deserializer<'de>>(d: D) -> std::result::Result<Option<Option<Vec<String>>>, D::Error> {
    Option::<Vec<String>>::deserialize(d).map(Some)
}

const STATES: &[ServerState] = &[ServerState::Active, ServerState::Stopped, ServerState::Error];

/// A server that was off stays off.
fn change(server: &Server) -> Change {
    let reach = if server.state == ServerState::Stopped { ServerState::Stopped } else { ServerState::Active };
    let restart = if reach == ServerState::Active { Restart::Hard } else { Restart::No };
    let (name, verb, task, failing) = ("rebuild", Verb::Rebuild, Task::Rebuilding, Failing::Lost);
    Change { name, states: STATES, verb, task, reach, restart, failing }
}

/// The server as it is being rebuilt, the snapshot it is seen in, and its new password.
pub(crate) async fn rebuild(
    c: &Compute,
    cx: &Ctx,
    server: &Target,
    asked: Rebuild,
) -> Result<(Arc<Server>, Snapshot, String)> {
    vtpm::refuse(server, "rebuild")?;
    let image = check(c, cx, &c.store.read().await?, server, &asked)?;
    vtpm::refuse_with(server, &image.properties, "rebuild")?;
    let password = asked.admin_pass.clone().unwrap_or_else(build::password);
    let (service, ctx, found, admin_pass) = (c.clone(), cx.clone(), server.server(), password.clone());
    let begun = c.store.transact("compute.server.rebuild", move |tx| {
        let server = allowed(&ctx, tx, &found, &change(&found))?;
        start(&service, &ctx, tx, &server, &asked, &image, &admin_pass)
    });
    Ok((begun.await?, c.store.snapshot(), password))
}

/// What may be refused before anything is written; the image.
fn check(c: &Compute, cx: &Ctx, snapshot: &Snapshot, server: &Server, asked: &Rebuild) -> Result<ImageInfo> {
    if asked.trusted_image_certificates.is_some() {
        let target = target! { "project_id" => server.project, "user_id" => server.user };
        let _permit = cx.authorize(&REBUILD_TRUSTED_CERTS, &target)?;
    }
    let id = asked.image.rsplit('/').next().unwrap_or_default();
    let missing = |e: Error| if e.is(kernel::Kind::NotFound) { invalid("Cannot find image for rebuild") } else { e };
    let image = c.images.visible(cx, snapshot, id).map_err(missing)?;
    if image.status != "active" {
        return Err(invalid(format!("Image {id} is not active.")));
    }
    let from_volume = server.root().and_then(BlockDevice::volume);
    if let Some(volume) = from_volume {
        let info = c.volumes.info(snapshot, &volume.volume);
        let now = info.as_ref().and_then(|v| v.image_properties.get("image_id"));
        if now.map(String::as_str) != Some(id) && !cx.version.since(2, 93) {
            return Err(invalid(format!(
                "Image {id} is unacceptable: Unable to rebuild with a different image for a volume-backed server."
            )));
        }
        if let Some(info) = info.filter(|_| cx.version.since(2, 93)) {
            check_volume(&info, &image)?;
        }
    }
    build::check_size(cx, &image, &server.flavor, from_volume.is_some())?;
    let hardware = Asked { flavor: &server.flavor, image: &image.properties, image_name: &image.name };
    build::check_hardware(&hardware)?;
    let topology = |properties| crate::model::topology::wanted(&server.flavor, properties);
    if topology(&image.properties) != topology(&server.properties) {
        return Err(invalid(
            "An instance's NUMA topology cannot be changed as part of a rebuild. The image provided is invalid for this instance.",
        ));
    }
    let metadata = asked.metadata.as_ref().map_or(0, BTreeMap::len);
    build::check_items(snapshot, cx, metadata, &asked.personality)?;
    Ok(image)
}

/// Whether an image may be written over a root volume.
fn check_volume(volume: &VolumeInfo, image: &ImageInfo) -> Result<()> {
    if volume.status != "in-use" {
        let (id, status) = (&volume.id, &volume.status);
        return Err(invalid(format!(
            "Invalid volume: volume '{id}' status must be 'in-use'. Currently in '{status}' status."
        )));
    }
    let needed = image.least_gib();
    if needed > volume.size_gib {
        return Err(invalid(format!(
            "Volume is smaller than the minimum size specified in image metadata. Volume size is {} bytes, minimum size is {} bytes.",
            volume.size_gib << 30,
            needed << 30
        )));
    }
    Ok(())
}

fn start(
    c: &Compute,
    cx: &Ctx,
    tx: &mut Tx,
    server: &Arc<Server>,
    asked: &Rebuild,
    image: &ImageInfo,
    admin_pass: &str,
) -> Result<Arc<Server>> {
    let change = change(server);
    let mut new = Server::clone(server);
    apply(tx, cx, &mut new, asked)?;
    let written_over = server.root().and_then(BlockDevice::volume).cloned().filter(|_| cx.version.since(2, 93));
    if new.image.is_some() {
        new.image = Some(image.id.clone());
    }
    let host = new.host.clone().ok_or_else(|| ComputeError::NotReady(new.id.clone()))?;
    if new.image.is_some() || written_over.is_some() {
        new.properties = image.properties.clone();
        new.machine_type = None;
        let known = tx.get::<ComputeHost>(&host);
        if let Some(why) = known.as_deref().and_then(|known| machine::lacking(&new, known)) {
            return Err(invalid(why));
        }
        new.machine_type = machine::on_host(&new, known.as_deref());
    }
    new.devices.iter_mut().for_each(|device| renew(device, image, crate::ops::is_true(&asked.preserve_ephemeral)));
    let new = tx.put(new);
    let build = Build {
        server: &new,
        host: &host,
        image: Some(image),
        bound: Vec::new(),
        connected: Vec::new(),
        groups: c.ports.group_names(tx.view(), &new.id),
        admin_pass: Some(admin_pass.to_owned()),
        config: &c.config,
    };
    let fresh = build.intent();
    let graceful_seconds = fresh.graceful_seconds;
    let renewed = |intent: &mut VmIntent| {
        (intent.spec, intent.local_disks, intent.metadata) = (fresh.spec, fresh.local_disks, fresh.metadata);
        for volume in &mut intent.volumes {
            volume.boot_index = hardware::boot_index_of(&new, &volume.volume);
        }
    };
    match written_over {
        None => begin(c, cx, tx, &new, &change, |intent| {
            intent.power = Power::reaching(change.reach);
            intent.graceful_seconds = graceful_seconds;
            renewed(intent);
        })?,
        Some(root) => {
            let change = Change { restart: Restart::No, ..change };
            let begun = write(cx, tx, &new, &change, |intent| {
                // What is in its memory is for what goes.
                (intent.power, intent.graceful_seconds) = (Power::Stopped, 0);
                renewed(intent);
            })?;
            let state = State {
                server: new.id.clone(),
                action: begun.action,
                volume: root.volume,
                attachment: root.attachment,
                image: image.id.clone(),
                generation: begun.generation,
                reach: change.reach,
                graceful_seconds,
                begun: false,
            };
            let (object, request_id, now) = (Server::flow_object(&new.id), &cx.request_id, cx.now());
            c.starter.start(tx, Start::<RebuildVolume> { object, state, request_id, now })?;
        }
    }
    Ok(tx.get::<Server>(&new.id).unwrap_or(new))
}

/// What the owner changes on the way.
fn apply(tx: &Tx, cx: &Ctx, server: &mut Server, asked: &Rebuild) -> Result<()> {
    if let Some(name) = &asked.name {
        server.name = trimmed(name);
    }
    if let Some(description) = &asked.description {
        server.description.clone_from(description);
    }
    if let Some(metadata) = &asked.metadata {
        server.metadata.clone_from(metadata);
    }
    if let Some(key) = &asked.key_name {
        server.key = match key {
            Some(name) => Some(build::key_named(cx, tx.view(), name)?),
            None => None::<ServerKey>,
        };
    }
    if let Some(user_data) = &asked.user_data {
        server.user_data.clone_from(user_data);
    }
    if let Some(certificates) = &asked.trusted_image_certificates {
        server.trusted_certs.clone_from(certificates);
    }
    if let Some(hostname) = &asked.hostname {
        server.hostname.clone_from(hostname);
    }
    if let Some(address) = &asked.access_v4 {
        server.access_v4 = parse(Some(address));
    }
    if let Some(address) = &asked.access_v6 {
        server.access_v6 = parse(Some(address));
    }
    if let Some(disk_config) = asked.disk_config {
        server.disk_config = disk_config;
    }
    Ok(())
}

/// A local disk begins anew under a new name: the old one goes when the host has the new one.
fn renew(device: &mut BlockDevice, image: &ImageInfo, preserve: bool) {
    let Backing::Local { name, image: base } = &mut device.what else { return };
    if preserve && name.starts_with("eph") {
        return;
    }
    *name = hardware::next_edition(name);
    if device.boot_index == Some(0) {
        *base = Some(image.id.clone());
    }
}

//! A server's intent, ports and volumes on their way between hosts.

use super::{dest_of, resize_of, spare};
use crate::{
    Compute,
    flows::guest::{self, Said, next_generation},
    model::{
        Server,
        hardware::Build,
        shape::Resize,
        vm::{Power, VmIntent},
    },
};
use flow::{StepCx, StepError};
use kernel::{Error, HostName, PortId, Result, ServerId, Timestamp};
use ports::{ConnectedVolume, ImageInfo};
use std::time::Duration;
use store::Tx;

const NETWORK: Duration = Duration::from_secs(60);

/// The guest is off, by its host's word.
pub(crate) async fn stop(cx: &StepCx, id: &ServerId) -> std::result::Result<(), StepError> {
    let server = id.clone();
    let stopped = guest::fenced(cx, "compute.guest.stop", move |tx| match tx.get::<VmIntent>(&server) {
        Some(intent) if intent.power == Power::Stopped => Ok(Some(intent.generation)),
        _ => Ok(guest::change_intent(tx, &server, |intent| intent.power = Power::Stopped)),
    });
    let generation = stopped.await?.ok_or_else(|| StepError::Failed(Error::conflict("the server is on no host")))?;
    guest::done(cx, id, generation, |seen| !seen.state.is_on()).await.map(drop)
}

/// The guest shall be what it was before [`stop`].
pub(crate) fn unstop(tx: &mut Tx, id: &ServerId, power: Power) {
    if tx.get::<VmIntent>(id).is_some_and(|i| i.power != power && i.power != Power::Absent) {
        guest::change_intent(tx, id, |intent| intent.power = power);
    }
}

/// Ports and the server's place go to a host, with the intent.
pub(super) fn go_to(
    c: &Compute,
    tx: &mut Tx,
    id: &ServerId,
    (from, to): (&HostName, &HostName),
    zone: Option<String>,
    now: Timestamp,
) -> Result<()> {
    if from == to {
        return Ok(());
    }
    spare::cross(tx, id, from, to)?;
    tx.update::<Server>(id, |s| (s.host, s.availability_zone) = (Some(to.clone()), zone));
    let server = guest::server(tx, id)?;
    c.ports.bind(tx, &guest::bind_all(&server, to.clone(), now)).map(drop)
}

/// Exports a server's volumes to a host instead of the one before, and waits for its ports there.
pub(super) async fn follow(
    c: &Compute,
    server: &Server,
    host: &HostName,
) -> std::result::Result<Vec<ConnectedVolume>, StepError> {
    guest::disconnect_volumes(c, server).await.map_err(StepError::Retry)?;
    let connected = guest::connect_volumes(c, server, host).await.map_err(StepError::Retry)?;
    let ports: Vec<PortId> = server.nics.iter().map(|n| n.plan.port.clone()).collect();
    c.ports.wait_ready(&ports, NETWORK).await.map_err(StepError::Retry)?;
    Ok(connected)
}

/// What an intent is written with where the server is now.
pub(super) struct Settling<'a> {
    pub(super) power: Power,
    /// Its volumes as this host reaches them; `None`: as before.
    pub(super) connected: Option<&'a [ConnectedVolume]>,
    /// Disks that stay beside its own.
    pub(super) kept: Vec<String>,
    /// What its disks are made of, if they are not there.
    pub(super) image: Option<&'a ImageInfo>,
    pub(super) admin_pass: Option<String>,
}

impl<'a> Settling<'a> {
    /// Where everything of the server still is.
    pub(super) fn back(power: Power, connected: Option<&'a [ConnectedVolume]>) -> Self {
        Self { power, connected, kept: Vec::new(), image: None, admin_pass: None }
    }
}

/// Writes the intent of a server in its shape on the host where its intent is; the generation.
pub(super) fn settle_on(c: &Compute, tx: &mut Tx, shaped: &Server, settling: Settling<'_>) -> Result<u64> {
    let main = tx.get::<VmIntent>(&shaped.id).ok_or_else(|| Error::conflict("the server is on no host"))?;
    let build = Build {
        server: shaped,
        host: &main.host,
        image: settling.image,
        bound: c.ports.bound(tx.view(), &shaped.id),
        connected: settling.connected.unwrap_or_default().to_vec(),
        groups: c.ports.group_names(tx.view(), &shaped.id),
        admin_pass: settling.admin_pass.or_else(|| main.metadata.admin_pass.clone()),
        config: &c.config,
    };
    let mut intent = build.intent();
    if settling.connected.is_none() {
        intent.volumes.clone_from(&main.volumes);
    }
    (intent.power, intent.kept_disks, intent.reboots) = (settling.power, settling.kept, main.reboots);
    intent.generation = next_generation(tx, &shaped.id);
    Ok(tx.put(intent).generation)
}

/// Back where it came from: the guest that was begun is gone, ports and volumes are of the source again.
pub(super) async fn come_back(
    c: &Compute,
    cx: &StepCx,
    id: &ServerId,
    now: Timestamp,
) -> std::result::Result<(Resize, Option<Vec<ConnectedVolume>>), StepError> {
    let (service, server) = (c.clone(), id.clone());
    let crossed = guest::fenced(cx, "compute.server.come_back", move |tx| {
        let found = guest::server(tx, &server)?;
        let resize = resize_of(&found)?;
        let dest = dest_of(&resize)?;
        if resize.is_in_place() {
            if tx.get::<VmIntent>(&server).is_some_and(|i| i.power != Power::Stopped) {
                guest::change_intent(tx, &server, |intent| intent.power = Power::Stopped);
            }
        } else {
            go_to(&service, tx, &server, (&dest, &resize.source), resize.source_zone.clone(), now)?;
        }
        let generation = tx.get::<VmIntent>(&server).map_or(0, |i| i.generation);
        Ok((guest::server(tx, &server)?, resize, generation))
    });
    let (server, resize, generation) = crossed.await?;
    if resize.is_in_place() {
        let off = guest::wait(cx, id, |snapshot| match guest::said(snapshot, id, generation)? {
            Said::Done(seen) => (!seen.state.is_on()).then_some(Ok(())),
            Said::Refused(why) => Some(Err(StepError::Retry(Error::unavailable(why)))),
        });
        off.await?;
        return Ok((resize, None));
    }
    spare::gone_from(c, cx, id, &dest_of(&resize)?).await?;
    let connected = follow(c, &server, &resize.source).await?;
    Ok((resize, Some(connected)))
}

/// Volumes and ports are in the guest where it is now.
pub(super) fn arrived(c: &Compute, tx: &mut Tx, server: &Server) -> Result<()> {
    for device in &server.devices {
        if let Some(volume) = device.volume() {
            c.volumes.complete(tx, &volume.attachment, &device.device)?;
        }
    }
    server.nics.iter().try_for_each(|nic| c.ports.set_plugged(tx, &nic.plan.port, true))
}

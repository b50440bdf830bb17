//! Begins to move a volume to another pool: because an administrator says so, or for a type that its pool does not offer.

use crate::{
    VolumeService, error,
    flows::{
        migrate_volume::{Left, MigrateVolume, State},
        move_in_use::{self, MoveInUse},
        rewrite_volume::left_behind,
        set_status,
    },
    model::{Attachment, Snapshot, Volume, VolumePool, VolumeStatus, VolumeType},
    policy,
    pools::{PoolRequest, choose, unfit},
    service::authorize,
};
use flow::Start;
use kernel::{Ctx, Error, Kind, Result, Timestamp};
use std::sync::Arc;
use store::Tx;

/// To the pool that an administrator names.
pub(crate) async fn migrate(service: &VolumeService, cx: &Ctx, id: &str, host: &str) -> Result<()> {
    let volume = service.find_volume(cx, id)?;
    let permit = authorize(cx, &policy::MIGRATE, &volume.project)?;
    let (inner, cx, host) = (service.clone(), cx.clone(), host.to_owned());
    let write = move |tx: &mut Tx| {
        let volume = tx.get::<Volume>(&volume.id).ok_or_else(|| error::no_volume(&volume.id))?;
        let named = |p: &Arc<VolumePool>| p.name == host || p.name.split('#').next() == Some(&host);
        let bad = |why: String| Error::bad_request(format!("Invalid host: {why}"));
        let to = tx.view().all::<VolumePool>().find(named);
        let to = to.ok_or_else(|| bad(format!("No available service named '{host}'")))?;
        if volume.pool.as_ref() == Some(&to.name) {
            return Err(bad("Destination host must be different than the current host.".to_owned()));
        }
        let of_type = tx.get::<VolumeType>(&volume.volume_type);
        let request = PoolRequest {
            size_gib: volume.size_gib,
            zone: None,
            volume_type: of_type.as_deref(),
            only: None,
            asking: &volume.id,
        };
        if let Some(why) = unfit(tx.view(), &to, &|host| inner.0.hosts.is_connected(host), &request) {
            return Err(bad(format!("{} does not do: {why}", to.name)));
        }
        begin(&inner, tx, &cx, &volume, &to.name, None)
    };
    service.write(permit, "volume.volume.migrate", write).await
}

/// To whichever pool offers the type.
pub(crate) fn for_type(
    service: &VolumeService,
    tx: &mut Tx,
    cx: &Ctx,
    volume: &Volume,
    new: &VolumeType,
) -> Result<()> {
    let request = PoolRequest {
        size_gib: volume.size_gib,
        zone: Some(&volume.availability_zone),
        volume_type: Some(new),
        only: None,
        asking: &volume.id,
    };
    let to = choose(tx.view(), |host| service.0.hosts.is_connected(host), &request);
    let to = to.map_err(|e| Error::bad_request(e.message()))?;
    begin(service, tx, cx, volume, &to.name, Some(new.id.clone()))
}

/// One that nobody has, or one running guest, and that nothing hangs on.
fn begin(
    service: &VolumeService,
    tx: &mut Tx,
    cx: &Ctx,
    volume: &Volume,
    to: &str,
    new_type: Option<String>,
) -> Result<()> {
    let refused = |why: &str| error::invalid_volume(format!("Volume {} cannot be moved: {why}", volume.id));
    if volume.group.is_some() {
        return Err(refused("it is in a group"));
    }
    if !tx.by(Snapshot::BY_VOLUME, &volume.id).is_empty() {
        return Err(refused("it has snapshots"));
    }
    if flow::live_flow_of(tx.view(), &left_behind(&volume.id)).is_some() {
        return Err(refused("what it left behind when it moved last is still being removed"));
    }
    super::still(tx, &volume.id)?;
    let (object, now) = (Volume::object(&volume.id), cx.now());
    tx.update::<Volume>(&volume.id, |v| {
        v.generation += 1;
        v.migration = Some("migrating".to_owned());
    });
    match volume.status {
        VolumeStatus::Available => {
            let state = State { volume: volume.id.clone(), to: to.to_owned(), new_type };
            set_status(tx, &volume.id, state.during(), None, now);
            let start = Start::<MigrateVolume> { object, state, request_id: &cx.request_id, now };
            service.0.starter.start(tx, start).map(drop)
        }
        VolumeStatus::InUse => {
            let state = in_use(service, tx, volume, to, new_type, now)?;
            set_status(tx, &volume.id, state.during(), None, now);
            let start = Start::<MoveInUse> { object, state, request_id: &cx.request_id, now };
            service.0.starter.start(tx, start).map(drop)
        }
        other => Err(refused(&format!("its status must be available or in-use, it is {}", other.as_str()))),
    }
}

/// Where the guest is under which a volume is to be moved, as Nova exchanges volumes: one guest, and it runs.
fn in_use(
    service: &VolumeService,
    tx: &mut Tx,
    volume: &Volume,
    to: &str,
    new_type: Option<String>,
    now: Timestamp,
) -> Result<move_in_use::State> {
    let refused = |why: &str| error::invalid_volume(format!("Volume {} cannot be moved: {why}", volume.id));
    let [attachment] = &tx.by(Attachment::BY_VOLUME, &volume.id)[..] else {
        return Err(refused("several servers have it"));
    };
    let known = attachment.server.clone().zip(attachment.host.clone());
    let (server, host) = known.ok_or_else(|| refused("it is attached to no server of this cloud"))?;
    match service.0.servers.running(tx.view(), &server) {
        Err(e) if !e.is(Kind::Unavailable) => return Err(refused(e.message())),
        // What is done to it is waited for.
        _ => {}
    }
    let pool = tx.get::<VolumePool>(to).ok_or_else(|| refused("the pool it is to go to is gone"))?;
    let generation = volume.generation + 1;
    Ok(move_in_use::State {
        volume: volume.id.clone(),
        to: to.to_owned(),
        new_type,
        attachment: attachment.id.clone(),
        server,
        host,
        copy: Left { volume: volume.id.clone(), generation, host: pool.host.clone(), backend: pool.backend.clone() },
        target: None,
        began: now,
    })
}

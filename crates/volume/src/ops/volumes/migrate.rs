//! Begins to move a volume to another pool: because an administrator says so, or for a type that its pool does not offer.

use crate::{
    VolumeService, error,
    flows::{
        migrate_volume::{MigrateVolume, State},
        set_status,
    },
    model::{Snapshot, Volume, VolumePool, VolumeStatus, VolumeType},
    policy,
    pools::{PoolRequest, choose, unfit},
    service::authorize,
};
use flow::Start;
use kernel::{Ctx, Error, Result};
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

/// One that nobody has and that nothing hangs on.
fn begin(
    service: &VolumeService,
    tx: &mut Tx,
    cx: &Ctx,
    volume: &Volume,
    to: &str,
    new_type: Option<String>,
) -> Result<()> {
    let refused = |why: &str| error::invalid_volume(format!("Volume {} cannot be moved: {why}", volume.id));
    if volume.status != VolumeStatus::Available {
        return Err(refused(&format!("its status must be available, it is {}", volume.status.as_str())));
    }
    if volume.group.is_some() {
        return Err(refused("it is in a group"));
    }
    if !tx.by(Snapshot::BY_VOLUME, &volume.id).is_empty() {
        return Err(refused("it has snapshots"));
    }
    if flow::live_flow_of(tx.view(), &format!("volume.copy/{}", volume.id)).is_some() {
        return Err(refused("what it left behind when it moved last is still being removed"));
    }
    let (state, now) = (State { volume: volume.id.clone(), to: to.to_owned(), new_type }, cx.now());
    set_status(tx, &volume.id, state.during(), None, now);
    tx.update::<Volume>(&volume.id, |v| {
        v.generation += 1;
        v.migration = Some("migrating".to_owned());
    });
    let start = Start::<MigrateVolume> { object: Volume::object(&volume.id), state, request_id: &cx.request_id, now };
    service.0.starter.start(tx, start).map(drop)
}

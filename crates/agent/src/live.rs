//! Guests and disks on their way, as members ask this host for it: what is asked at once. That a guest is to come, or has come, is intent.

use crate::{convert, host::Shared};
use compute::driver::{CallOff, Fence, Travel};
use kernel::{Error, Result, ServerId, VolumeId, error::Doing};
use ports::VolumeTarget;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

#[derive(Deserialize)]
pub(crate) struct OfServer {
    server: ServerId,
}

#[derive(Deserialize)]
pub(crate) struct Send {
    server: ServerId,
    generation: u64,
    travel: Travel,
}

#[derive(Deserialize)]
pub(crate) struct Stay {
    server: ServerId,
    generation: u64,
    known: CallOff,
}

#[derive(Deserialize)]
pub(crate) struct OfDisk {
    server: ServerId,
    volume: VolumeId,
    generation: u64,
    to: Option<VolumeTarget>,
}

fn to_value(value: impl serde::Serialize) -> Result<Value> {
    serde_json::to_value(value).doing("encoding an answer")
}

pub(crate) async fn landing(shared: &Arc<Shared>, call: OfServer) -> Result<Value> {
    to_value(shared.drivers.hypervisor.landing(&call.server).await?)
}

pub(crate) async fn progress(shared: &Arc<Shared>, call: OfServer) -> Result<Value> {
    to_value(shared.drivers.hypervisor.progress(&call.server).await?)
}

pub(crate) async fn hasten(shared: &Arc<Shared>, call: OfServer) -> Result<Value> {
    shared.drivers.hypervisor.hasten(&call.server).await.map(|()| Value::Null)
}

pub(crate) async fn send(shared: &Arc<Shared>, call: Send) -> Result<Value> {
    let fence = Fence { generation: call.generation };
    to_value(shared.drivers.hypervisor.send(&call.server, &call.travel, fence).await?)
}

pub(crate) async fn call_off(shared: &Arc<Shared>, call: Stay) -> Result<Value> {
    let fence = Fence { generation: call.generation };
    shared.drivers.hypervisor.call_off(&call.server, call.known, fence).await.map(|()| Value::Null)
}

/// A volume of a guest goes to another place, or stays.
pub(crate) async fn disk(shared: &Arc<Shared>, method: &str, call: OfDisk) -> Result<Value> {
    let (hypervisor, fence) = (&shared.drivers.hypervisor, Fence { generation: call.generation });
    let (server, disk) = (&call.server, ports::disk_id(&call.volume));
    let done = match (method, call.to.map(convert::source_of_volume)) {
        ("vm.keep_disk", _) => hypervisor.keep_disk(server, &disk, fence).await,
        ("vm.mirror_disk", Some(to)) => hypervisor.mirror_disk(server, &disk, &to, fence).await,
        (_, Some(to)) => hypervisor.move_disk(server, &disk, &to, fence).await,
        (_, None) => Err(Error::bad_request(format!("{method} needs to"))),
    };
    match done {
        // Who asks sees by now what else was asked of this host, and asks anew.
        Err(e) if e.code() == Some("stale_generation") => Err(Error::unavailable(e.message())),
        other => other.map(|()| Value::Null),
    }
}

//! Live migration, as members ask this host for it: what is asked at once. That a guest is to come, or has come, is intent.

use crate::host::Shared;
use compute::driver::{CallOff, Fence, Travel};
use kernel::{Result, ServerId, error::Doing};
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

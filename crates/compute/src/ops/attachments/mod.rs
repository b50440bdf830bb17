//! Volumes of servers.

mod assist;
mod attach;
mod detach;
mod show;
mod update;

pub(crate) use assist::assist;
pub(crate) use attach::{Attach, attach, knows_sharing};
pub(crate) use detach::detach;
pub(crate) use show::{list, show};
pub(crate) use update::{UpdateAttachment, update};

use crate::{
    ComputeError,
    model::{BlockDevice, Server, ServerState},
};
use kernel::Result;

/// States in which volumes come and go.
const STATES: &[ServerState] = &[
    ServerState::Active,
    ServerState::Paused,
    ServerState::Stopped,
    ServerState::Suspended,
    ServerState::Resized,
    ServerState::SoftDeleted,
    ServerState::Shelved,
    ServerState::ShelvedOffloaded,
];

fn device<'a>(server: &'a Server, volume: &str) -> Result<&'a BlockDevice> {
    let is = |d: &&BlockDevice| d.volume().is_some_and(|v| v.volume == *volume);
    let missing = || ComputeError::NoAttachment { server: server.id.clone(), volume: volume.into() };
    Ok(server.devices.iter().find(is).ok_or_else(missing)?)
}

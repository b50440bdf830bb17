//! Interfaces of servers.

mod attach;
mod detach;
mod show;

pub(crate) use attach::{AttachInterface, attach};
pub(crate) use detach::detach;
pub(crate) use show::{Interface, list, show};

use crate::model::ServerState;

/// States in which interfaces come and go.
const STATES: &[ServerState] = &[ServerState::Active, ServerState::Paused, ServerState::Stopped];

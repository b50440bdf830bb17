//! Servers: what is asked of them, each verb in a file of its own.

mod change;
pub(crate) mod create;
mod create_image;
mod delete;
mod diagnostics;
mod evacuate;
mod groups;
mod guest;
mod limits;
mod list;
mod lock;
mod metadata;
mod migrate_live;
mod password;
mod power;
mod rebuild;
mod rescue;
mod reset_state;
mod resize;
mod shelve;
mod show;
mod tags;
mod update;

pub(crate) use create_image::{Rotation, create_image};
pub(crate) use delete::{delete, force_delete, restore};
pub(crate) use diagnostics::diagnostics;
pub(crate) use evacuate::evacuate;
pub(crate) use groups::change_group;
pub(crate) use guest::{change_password, inject_network_info, trigger_crash_dump};
pub use limits::LimitsTold;
pub(crate) use list::{Listed, MAX_LIMIT, Page, Scope, list};
pub(crate) use lock::{lock, unlock};
pub(crate) use metadata::{metadata, metadata_item, remove_item, replace_metadata, update_metadata};
pub(crate) use migrate_live::{LiveMigration, begin as begin_live, migrate_live};
pub(crate) use password::{clear_password, password};
pub(crate) use power::{PowerVerb, change_power};
pub(crate) use rebuild::{Rebuild, rebuild};
pub(crate) use rescue::{Rescue, rescue, unrescue};
pub(crate) use reset_state::reset_state;
pub use resize::ResizeQuestion;
pub(crate) use resize::{begin_cold, confirm_resize, migrate, resize, revert_resize};
pub(crate) use shelve::{Unshelve, shelve, shelve_offload, unshelve};
pub(crate) use show::show;
pub(crate) use tags::{add_tag, has_tag, remove_tag, replace_tags, tags};
pub(crate) use update::{Update, given, update};

use crate::{
    ComputeError,
    model::{Server, ServerState},
};
use kernel::{Ctx, Error, Kind, Result, ServerId};
use policy::{Authorize, Permit, Rule};
use std::sync::Arc;
use store::{Snapshot, Tx};

/// A server the caller may know of: one of another project is not there, except for administrators.
pub(crate) fn find(cx: &Ctx, snapshot: &Snapshot, id: &str) -> Result<Arc<Server>> {
    visible(cx, snapshot.get::<Server>(id)).ok_or_else(|| ComputeError::NoServer(id.into()).into())
}

/// The same in a transaction, validated.
pub(crate) fn find_in(cx: &Ctx, tx: &mut Tx, id: &ServerId) -> Result<Arc<Server>> {
    visible(cx, tx.get::<Server>(id)).ok_or_else(|| ComputeError::NoServer(id.to_string()).into())
}

fn visible(cx: &Ctx, server: Option<Arc<Server>>) -> Option<Arc<Server>> {
    server.filter(|s| cx.is_admin() || cx.credentials.project() == Some(&s.project))
}

/// The server and the right to do this with it.
pub(crate) fn permitted(cx: &Ctx, snapshot: &Snapshot, id: &str, rule: &'static Rule) -> Result<(Arc<Server>, Permit)> {
    let server = find(cx, snapshot, id)?;
    let permit = cx.authorize(rule, &policy::target! { "project_id" => server.project, "user_id" => server.user })?;
    Ok((server, permit))
}

/// A server, and the right to do with it what it was looked up for. Made by [`target`] alone.
pub(crate) struct Target {
    server: Arc<Server>,
    _permit: Permit,
}

impl Target {
    pub(crate) fn server(&self) -> Arc<Server> {
        Arc::clone(&self.server)
    }
}

impl std::ops::Deref for Target {
    type Target = Server;
    fn deref(&self) -> &Server {
        &self.server
    }
}

/// Finds a server and asks whether the caller may do this with it.
pub(crate) fn target(cx: &Ctx, snapshot: &Snapshot, id: &str, rule: &'static Rule) -> Result<Target> {
    let (server, permit) = permitted(cx, snapshot, id, rule)?;
    Ok(Target { server, _permit: permit })
}

/// A locked server is for administrators alone.
pub(crate) fn unlocked(cx: &Ctx, server: &Server) -> Result<()> {
    let locked = server.lock.is_some() && !cx.is_admin();
    if locked { Err(ComputeError::Locked(server.id.clone()).into()) } else { Ok(()) }
}

/// A server that is on no host has nobody to ask.
pub(crate) fn on_host(server: &Server) -> Result<()> {
    let ready = server.host.is_some();
    if ready { Ok(()) } else { Err(ComputeError::NotReady(server.id.clone()).into()) }
}

/// What may be done in which states, by Nova's tables: first the state, then that nothing else is under way.
pub(crate) fn in_state(server: &Server, action: &'static str, states: &[ServerState]) -> Result<()> {
    let refuse =
        |attr, state| Err(ComputeError::InvalidState { action, server: server.id.clone(), attr, state }.into());
    if !states.contains(&server.state) {
        return refuse("vm_state", server.state.as_str());
    }
    idle(server, action)
}

/// Nothing else is under way.
pub(crate) fn idle(server: &Server, action: &'static str) -> Result<()> {
    match server.task {
        None => Ok(()),
        Some(task) => {
            let (server, state) = (server.id.clone(), task.as_str());
            Err(ComputeError::InvalidState { action, server, attr: "task_state", state }.into())
        }
    }
}

/// What a request names and is not there makes the request bad: the server itself is what is not found.
pub(crate) fn as_bad_request(error: Error) -> Error {
    match error.kind() {
        Kind::NotFound => Error::bad_request(error.message()).with_internal(error.internal_text()),
        _ => error,
    }
}

/// Nova's `normalize_name`.
pub(crate) fn trimmed(name: &str) -> String {
    name.trim().to_owned()
}

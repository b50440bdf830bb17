//! A guest that went to another host for the sake of its new shape, and is there now.

use super::{State, called_off};
use crate::{
    Compute,
    flows::guest,
    flows::moving::{
        claims, given_up, note,
        reshape::{self, ReshapeServer},
        resize_of, working,
    },
    model::{Server, Task, migration::MigrationStatus},
};
use flow::Start;
use kernel::{Result, Timestamp};
use store::Tx;

/// The server is at home where it is, and gets its new shape there; unless nobody wants that any more.
pub(super) fn begin(c: &Compute, tx: &mut Tx, state: &mut State, now: Timestamp) -> Result<()> {
    let server = guest::server(tx, &state.server)?;
    let resize = resize_of(&server)?;
    state.resizes = false;
    if server.is_deleting() || called_off(tx, &state.server) {
        claims::keep(c, tx, &server, &resize.old, now)?;
        return given_up(c, tx, &state.server, &state.action, "the operation was cancelled", now, |_| ());
    }
    tx.update::<Server>(&state.server, |s| {
        if let Some((resize, host)) = s.resize.as_mut().zip(s.host.clone()) {
            (resize.source, resize.source_zone) = (host, resize.dest_zone.clone());
        }
        (s.task, s.updated) = (working(s, Task::ResizeMigrated), now);
    });
    note(tx, &resize.migration, MigrationStatus::PostMigrating, now);
    let after = reshape::State { server: state.server.clone(), action: state.action.clone() };
    let (object, request_id) = (Server::flow_object(&state.server), &state.action.request_id);
    c.starter.start(tx, Start::<ReshapeServer> { object, state: after, request_id, now }).map(drop)
}

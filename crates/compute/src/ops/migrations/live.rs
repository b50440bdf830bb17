//! What can be done to a live migration under way: it is called off, or made to end soon.

use super::numbered;
use crate::{
    Compute, ComputeError,
    error::invalid,
    flows::live::LiveMigrate,
    model::{
        Migration, Server, Task,
        action::{Action, Verb},
        migration::{MigrationKind, MigrationStatus},
    },
    ops::servers::{permitted, unlocked},
    policy::{SERVER_MIGRATIONS_ABORT, SERVER_MIGRATIONS_FORCE},
};
use flow::{Flow, FlowRecord};
use kernel::{Ctx, Result};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use store::{Snapshot, Tx};

const QUICK: Duration = Duration::from_secs(20);

fn of(snapshot: &Snapshot, server: &Server, number: &str) -> Result<Arc<Migration>> {
    numbered(snapshot, server, number).ok_or_else(|| {
        let text = format!("Migration {number} could not be found for instance {}.", server.id);
        ComputeError::NoMigration(text).into()
    })
}

/// Nova's checks: what moves, how it moves, how far it has come.
fn under_way(server: &Server, migration: &Migration, verb: &'static str, states: &[MigrationStatus]) -> Result<()> {
    let goes_to_be_resized = server.task == Some(Task::ResizeMigrating) && migration.kind == MigrationKind::Live;
    if server.task != Some(Task::Migrating) && !goes_to_be_resized {
        let state = server.task.map_or("None", Task::as_str);
        let (action, server) = (verb, server.id.clone());
        return Err(ComputeError::InvalidState { action, server, attr: "task_state", state }.into());
    }
    let refused = |what: &str| {
        let (number, server) = (migration.number, &server.id);
        invalid(format!(
            "Migration {number} state of instance {server} is {what}. Cannot {verb} while the migration is in this state."
        ))
    };
    if migration.kind != MigrationKind::Live {
        return Err(refused(migration.kind.as_str()));
    }
    if !states.contains(&migration.status) {
        return Err(refused(migration.status.as_str()));
    }
    Ok(())
}

/// The server stays where it is.
pub(crate) async fn abort(c: &Compute, cx: &Ctx, server: &str, number: &str) -> Result<()> {
    use MigrationStatus as M;
    let snapshot = c.store.read().await?;
    let (server, _permit) = permitted(cx, &snapshot, server, &SERVER_MIGRATIONS_ABORT)?;
    let found = of(&snapshot, &server, number)?;
    let states: &[M] = if cx.version.since(2, 65) { &[M::Queued, M::Preparing, M::Running] } else { &[M::Running] };
    let cx = cx.clone();
    let called_off = c.store.transact("compute.migration.abort", move |tx| {
        let gone = || ComputeError::NoServer(server.id.to_string());
        let (server, migration) =
            (tx.get::<Server>(&server.id).ok_or_else(gone)?, tx.get::<Migration>(&found.id).ok_or_else(gone)?);
        unlocked(&cx, &server)?;
        under_way(&server, &migration, "abort", states)?;
        call_off(&cx, tx, &server)
    });
    called_off.await
}

fn call_off(cx: &Ctx, tx: &mut Tx, server: &Server) -> Result<()> {
    let action = Action::asked(cx, &server.id, &server.project, Verb::LiveMigrationCancel);
    action.begin(tx)?;
    for flow in tx.by(FlowRecord::BY_OBJECT, &Server::flow_object(&server.id)) {
        if flow.kind == LiveMigrate::KIND {
            flow::cancel(tx, &flow.id);
        }
    }
    action.finish(tx, server.host.as_ref(), None, cx.now())
}

/// The guest goes on over there at once, its memory to follow (Nova's post-copy).
pub(crate) async fn force_complete(c: &Compute, cx: &Ctx, server: &str, number: &str) -> Result<()> {
    let snapshot = c.store.read().await?;
    let (server, _permit) = permitted(cx, &snapshot, server, &SERVER_MIGRATIONS_FORCE)?;
    unlocked(cx, &server)?;
    let migration = of(&snapshot, &server, number)?;
    under_way(&server, &migration, "force_complete", &[MigrationStatus::Running])?;
    let action = Action::asked(cx, &server.id, &server.project, Verb::LiveMigrationForceComplete);
    let done = c.hosts.call(&migration.source, "vm.hasten", json!({"server": server.id}), QUICK).await;
    let (refusal, host, now) =
        (done.as_ref().err().map(|e| e.message().to_owned()), migration.source.clone(), cx.now());
    let noted = c.store.transact("compute.migration.force_complete", move |tx| {
        action.begin(tx)?;
        action.finish(tx, Some(&host), refusal.as_deref(), now)
    });
    noted.await?;
    done.map(drop)
}

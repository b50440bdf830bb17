use super::{Seen, numbered, seen};
use crate::{
    Compute, ComputeError,
    model::{Migration, migration::MigrationKind},
    ops::servers::permitted,
    policy::{SERVER_MIGRATIONS_HOST, SERVER_MIGRATIONS_INDEX, SERVER_MIGRATIONS_SHOW},
};
use kernel::{Ctx, Result};
use policy::{Authorize, target};
use std::sync::Arc;

/// Live migrations of a server that are under way.
pub(crate) async fn in_progress(c: &Compute, cx: &Ctx, server: &str) -> Result<Vec<Seen>> {
    let snapshot = c.store.read().await?;
    let (server, _permit) = permitted(cx, &snapshot, server, &SERVER_MIGRATIONS_INDEX)?;
    let with_hosts = cx.allows(&SERVER_MIGRATIONS_HOST, &target! { "project_id" => server.project });
    let all = snapshot.by(Migration::BY_SERVER, &server.id);
    let live = all.filter(|m: &Arc<Migration>| m.kind == MigrationKind::Live && m.status.is_in_progress());
    Ok(live.map(|m| seen(&snapshot, m, with_hosts)).collect())
}

/// One of those, by its number.
pub(crate) async fn show(c: &Compute, cx: &Ctx, server: &str, number: &str) -> Result<Seen> {
    let snapshot = c.store.read().await?;
    let (server, _permit) = permitted(cx, &snapshot, server, &SERVER_MIGRATIONS_SHOW)?;
    let missing = |text: String| Err(ComputeError::NoMigration(text).into());
    let Some(found) = numbered(&snapshot, &server, number) else {
        return missing(format!("In-progress live migration {number} is not found for server {}.", server.id));
    };
    if found.kind != MigrationKind::Live {
        return missing(format!("Migration {number} for server {} is not live-migration.", server.id));
    }
    if !found.status.is_in_progress() {
        return missing(format!("Live migration {number} for server {} is not in progress.", server.id));
    }
    Ok(seen(&snapshot, found, true))
}

//! A running server goes to another host.

use super::{Target, find_in, in_state, on_host, unlocked};
use crate::{
    Compute, ComputeError,
    error::invalid,
    flows::live::{LiveMigrate, State},
    model::{
        ComputeHost, Server, ServerState, Task,
        action::{Action, Verb},
        machine,
        migration::{MigrationKind, MigrationStatus},
        vm::{Power, VmIntent},
        vtpm,
    },
    ops::migrations::{self, Begun},
    policy::MIGRATE_LIVE_HOST,
};
use flow::Start;
use kernel::{Ctx, HostName, Result};
use policy::{Authorize, target};
use store::{Snapshot, Tx};

/// What a request says. Disks that no other host can reach are always copied, and no others: `block_migration` can only ask for
/// what is done anyway.
#[derive(Clone, Debug, Default)]
pub(crate) struct LiveMigration {
    pub(crate) host: Option<HostName>,
}

pub(crate) async fn migrate_live(c: &Compute, cx: &Ctx, server: &Target, asked: LiveMigration) -> Result<()> {
    let snapshot = c.store.read().await?;
    if let Some(host) = &asked.host {
        let _permit = cx.authorize(&MIGRATE_LIVE_HOST, &target! { "project_id" => server.project })?;
        usable(c, &snapshot, server, host)?;
    }
    let (service, cx, found) = (c.clone(), cx.clone(), server.server());
    let id = kernel::ids::uuid_dashed();
    let begun = c
        .store
        .transact("compute.server.migrate_live", move |tx| begin(&service, &cx, tx, &found, asked.host.as_ref(), &id));
    begun.await
}

/// Nova's checks of a host that is named.
fn usable(c: &Compute, snapshot: &Snapshot, server: &Server, host: &HostName) -> Result<()> {
    let Some(known) = snapshot.get::<ComputeHost>(host) else {
        return Err(invalid(format!("Compute host {host} could not be found.")));
    };
    if server.host.as_ref() == Some(host) {
        return Err(invalid(format!("Unable to migrate instance ({}) to current host ({host}).", server.id)));
    }
    if known.forced_down || !c.hosts.is_expected(host) {
        return Err(invalid(format!("Compute service of {host} is unavailable at this time.")));
    }
    let here = server.host.as_ref().and_then(|source| snapshot.get::<ComputeHost>(source));
    if here.is_some_and(|here| !here.has_cpu_of(&known)) {
        return Err(invalid("Migration pre-check error: Unacceptable CPU info: CPU doesn't have compatibility."));
    }
    if let Some(why) = machine::lacking(server, &known) {
        return Err(invalid(format!("Migration pre-check error: {why}")));
    }
    Ok(())
}

/// Writes that a server goes to another host while it runs, if it may.
pub(crate) fn begin(
    c: &Compute,
    cx: &Ctx,
    tx: &mut Tx,
    server: &Server,
    host: Option<&HostName>,
    id: &str,
) -> Result<()> {
    let server = find_in(cx, tx, &server.id)?;
    vtpm::refuse_live(&server)?;
    unlocked(cx, &server)?;
    in_state(&server, "os-migrateLive", &[ServerState::Active, ServerState::Paused])?;
    on_host(&server)?;
    let not_ready = || ComputeError::NotReady(server.id.clone());
    let runs = |i: &std::sync::Arc<VmIntent>| matches!(i.power, Power::Running | Power::Paused);
    let power = tx.get::<VmIntent>(&server.id).filter(runs).ok_or_else(not_ready)?.power;
    let source = server.host.clone().ok_or_else(not_ready)?;
    let now = cx.now();
    tx.update::<Server>(&server.id, |s| (s.task, s.updated) = (Some(Task::Migrating), now));
    let action = Action::asked(cx, &server.id, &server.project, Verb::LiveMigration);
    action.begin(tx)?;
    send(c, cx, tx, &server, Journey { id, action, source, only: host.cloned(), power, resizes: false })
}

/// A way that a server begins.
pub(super) struct Journey<'a> {
    /// The migration's.
    pub(super) id: &'a str,
    pub(super) action: Action,
    pub(super) source: HostName,
    pub(super) only: Option<HostName>,
    pub(super) power: Power,
    /// For the sake of its resize.
    pub(super) resizes: bool,
}

/// Writes the migration and its flow.
pub(super) fn send(c: &Compute, cx: &Ctx, tx: &mut Tx, server: &Server, journey: Journey<'_>) -> Result<()> {
    let Journey { id, action, source, only, power, resizes } = journey;
    let (kind, status, flavor) = (MigrationKind::Live, MigrationStatus::Queued, server.flavor.number);
    migrations::record(cx, tx, server, &Begun { id, kind, status, source: &source, flavor, plan: None });
    let state = State {
        server: server.id.clone(),
        action,
        migration: id.to_owned(),
        source,
        source_zone: server.availability_zone.clone(),
        only,
        dest: None,
        cells: Vec::new(),
        power,
        stays: false,
        resizes,
    };
    let (object, now) = (Server::flow_object(&server.id), cx.now());
    c.starter.start(tx, Start::<LiveMigrate> { object, state, request_id: &cx.request_id, now }).map(drop)
}

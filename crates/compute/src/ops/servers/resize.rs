//! Resize and cold migration, and the word that the server stays or goes back.

use super::{
    Target, as_bad_request, find_in, idle, in_state,
    migrate_live::{Journey, send},
    on_host, unlocked,
};
use crate::{
    Compute, ComputeError,
    error::invalid,
    flows::vtpm,
    flows::{
        live,
        moving::{
            claims, confirm,
            reshape::{self, ReshapeServer},
            resize::{self, MoveServer},
            revert::{self, RevertResize},
        },
    },
    model::{
        BlockDevice, ComputeHost, DiskConfig, Flavor, QUOTAS, Server, ServerState, Task,
        action::{Action, Verb},
        migration::{Migration, MigrationKind, MigrationStatus},
        reshape::{Asked, Manner, Plan, plan},
        shape::{Resize, Shape, Way, is_ephemeral},
        vm::{Power, VmIntent},
        vtpm::refuse_other_owner,
        wishes,
    },
    ops::migrations::{self, Begun},
    policy::{MIGRATE_HOST, MIGRATIONS_HOST},
};
use flow::Start;
use kernel::{Ctx, HostName, Result, ids::uuid_dashed};
use policy::{Authorize, target};
use ports::Misfit;
use serde::Deserialize;
use std::sync::Arc;
use store::{Snapshot, Tx};

const STATES: &[ServerState] = &[ServerState::Active, ServerState::Stopped];

/// What is asked of a move.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) kind: MigrationKind,
    /// Another one, for a resize.
    pub(super) flavor: Option<Arc<Flavor>>,
    pub(super) disk_config: Option<DiskConfig>,
    pub(super) only: Option<HostName>,
    /// What the guest is to be there, if not what it was.
    pub(super) after: Option<Power>,
    pub(super) admin_pass: Option<String>,
    /// How, if the request says so.
    pub(super) asked: Option<Asked>,
}

/// Gives a server another flavor, which it keeps when that is confirmed.
pub(crate) async fn resize(
    c: &Compute,
    cx: &Ctx,
    server: &Target,
    flavor: &str,
    disk_config: Option<DiskConfig>,
    asked: Option<Asked>,
) -> Result<Plan> {
    let snapshot = c.store.read().await?;
    let flavor = super::create::flavor(cx, &snapshot, flavor).map_err(as_bad_request)?;
    check_flavor(c, cx, &snapshot, server, &flavor)?;
    refuse_other_owner(server, &flavor)?;
    let (kind, flavor, only) = (MigrationKind::Resize, Some(flavor), None);
    let wanted = Wanted { kind, flavor, disk_config, only, after: None, admin_pass: None, asked };
    begin(c, cx, server, wanted).await
}

impl Compute {
    /// How a resize would go now, and why so. Nothing is begun.
    pub async fn resize_plan(
        &self,
        cx: &Ctx,
        snapshot: &Snapshot,
        server: &Server,
        asked: &ResizeQuestion,
    ) -> Result<Plan> {
        let flavor = super::create::flavor(cx, snapshot, &asked.flavor).map_err(as_bad_request)?;
        check_flavor(self, cx, snapshot, server, &flavor)?;
        let (c, id, way) = (self.clone(), server.id.clone(), asked.way);
        let sees_hosts = cx.allows(&MIGRATIONS_HOST, &target! { "project_id" => server.project });
        let planned = self.store.transact("compute.server.resize_plan", move |tx| {
            let not_ready = || ComputeError::NotReady(id.clone());
            let server = tx.get::<Server>(&id).ok_or_else(not_ready)?;
            let intent = tx.get::<VmIntent>(&id).ok_or_else(not_ready)?;
            let mut planned = plan(&server, &intent, &flavor, way, &c.config, misfit(&c, tx, &server, &flavor));
            if planned.manner == Some(Manner::LiveMigration) {
                let (old, new) = shapes(&server, &flavor);
                live::nowhere(&c, tx, &server, (&old, &new)).into_iter().for_each(|why| planned.leads_nowhere(why));
            }
            Ok(planned)
        });
        let mut planned = planned.await?;
        if !sees_hosts {
            (planned.details, planned.elsewhere) = (None, Vec::new());
        }
        Ok(planned)
    }
}

/// What [`Compute::resize_plan`] is asked.
#[derive(Clone, Debug, Deserialize)]
pub struct ResizeQuestion {
    pub flavor: String,
    pub way: Option<Asked>,
}

/// Why the host that a server is on is none for it with another flavor.
fn misfit(c: &Compute, tx: &mut Tx, server: &Server, flavor: &Flavor) -> Option<Misfit> {
    let (old, new) = shapes(server, flavor);
    let request = claims::for_either(c, tx, server, (&old, &new), &[]);
    c.placer.misfit(tx.view(), &request, server.host.as_ref()?)
}

/// A server as it is, and with another flavor.
fn shapes(server: &Server, flavor: &Flavor) -> (Shape, Shape) {
    let old = Shape::of(server);
    let new = old.with(server, flavor.clone(), None);
    (old, new)
}

/// Moves a server to another host, of the scheduler's choice unless one is named.
pub(crate) async fn migrate(c: &Compute, cx: &Ctx, server: &Target, host: Option<String>) -> Result<()> {
    let snapshot = c.store.read().await?;
    let only = match host {
        None => None,
        Some(host) => {
            let _permit = cx.authorize(&MIGRATE_HOST, &target! { "project_id" => server.project })?;
            if server.host.as_deref() == Some(host.as_str()) {
                return Err(invalid("Cannot migrate to the host where the server exists."));
            }
            Some(named_host(&snapshot, &host)?)
        }
    };
    let kind = MigrationKind::Cold;
    let wanted = Wanted { kind, flavor: None, disk_config: None, only, after: None, admin_pass: None, asked: None };
    begin(c, cx, server, wanted).await.map(drop)
}

/// What Nova refuses of a flavor, and a smaller disk, which only Nova's hosts do: it is better told at once.
fn check_flavor(c: &Compute, cx: &Ctx, snapshot: &Snapshot, server: &Server, flavor: &Flavor) -> Result<()> {
    if flavor.id == server.flavor.id {
        return Err(invalid("When resizing, instances must change flavor!"));
    }
    let image = server.image.as_ref().and_then(|id| c.images.info(snapshot, id));
    let image_name = image.as_ref().map_or("", |i| i.name.as_str());
    super::create::build::check_hardware(&wishes::Asked { flavor, image: &server.properties, image_name })?;
    let cannot = |why: &str| Err(invalid(format!("Server disk was unable to be resized because: {why}")));
    let ephemeral = server.devices.iter().filter(|d| d.is_local() && is_ephemeral(&d.disk_id()));
    if ephemeral.map(|d| d.size_mib).sum::<u64>() > flavor.ephemeral_gib * 1024 {
        return cannot("Unable to resize disk down.");
    }
    if server.root().and_then(BlockDevice::volume).is_some() {
        return Ok(());
    }
    match flavor.disk_gib {
        0 if server.flavor.disk_gib != 0 => return cannot("Resize to zero disk flavor is not allowed."),
        gib if gib < server.flavor.disk_gib => return cannot("Unable to resize disk down."),
        _ => {}
    }
    // An image that is gone asks for nothing any more.
    match image {
        Some(image) => super::create::build::check_size(cx, &image, flavor, false),
        None => Ok(()),
    }
}

/// A host that a request names must be there.
pub(super) fn named_host(snapshot: &Snapshot, host: &str) -> Result<HostName> {
    let found = snapshot.get::<ComputeHost>(host);
    let found = found.ok_or_else(|| invalid(format!("Compute host {host} could not be found.")))?;
    Ok(found.name.clone())
}

/// Whether a host's agent is there, and nobody has said that the host is down.
pub(super) fn is_up(c: &Compute, snapshot: &Snapshot, host: &HostName) -> bool {
    c.hosts.is_connected(host) && snapshot.get::<ComputeHost>(host).is_some_and(|h| !h.forced_down)
}

pub(super) fn reachable(c: &Compute, snapshot: &Snapshot, host: &HostName) -> Result<()> {
    let up = is_up(c, snapshot, host);
    if up { Ok(()) } else { Err(ComputeError::Conflict("Service is unavailable at this time.".into()).into()) }
}

/// Writes that a server that is off goes to another host, if it may.
pub(crate) fn begin_cold(
    c: &Compute,
    cx: &Ctx,
    tx: &mut Tx,
    server: &Server,
    only: Option<HostName>,
    migration: &str,
) -> Result<()> {
    in_state(server, "migrate", STATES)?;
    let (kind, flavor, disk_config) = (MigrationKind::Cold, None, None);
    let wanted = Wanted { kind, flavor, disk_config, only, after: None, admin_pass: None, asked: None };
    enter(c, cx, tx, server, &wanted, migration).map(drop)
}

async fn begin(c: &Compute, cx: &Ctx, server: &Target, wanted: Wanted) -> Result<Plan> {
    let (service, cx, found, id) = (c.clone(), cx.clone(), server.server(), uuid_dashed().to_string());
    let begun = c.store.transact("compute.server.move", move |tx| {
        let name = if wanted.kind == MigrationKind::Resize { "resize" } else { "migrate" };
        let server = find_in(&cx, tx, &found.id)?;
        unlocked(&cx, &server)?;
        in_state(&server, name, STATES)?;
        on_host(&server)?;
        if let Some(host) = &server.host {
            reachable(&service, tx.view(), host)?;
        }
        enter(&service, &cx, tx, &server, &wanted, &id)
    });
    begun.await
}

/// Writes that a server moves, whose state allows it.
pub(super) fn enter(
    c: &Compute,
    cx: &Ctx,
    tx: &mut Tx,
    server: &Server,
    wanted: &Wanted,
    migration: &str,
) -> Result<Plan> {
    if server.resize.is_some() {
        let text = format!("Instance {} has been moved before, which was neither confirmed nor reverted.", server.id);
        return Err(ComputeError::Conflict(text).into());
    }
    let not_ready = || ComputeError::NotReady(server.id.clone());
    let intent = tx.get::<VmIntent>(&server.id).filter(|i| i.power != Power::Absent).ok_or_else(not_ready)?;
    let source = server.host.clone().ok_or_else(not_ready)?;
    let (now, old) = (cx.now(), Shape::of(server));
    let new = match &wanted.flavor {
        Some(flavor) => old.with(server, Flavor::clone(flavor), wanted.disk_config),
        None => old.clone(),
    };
    let (kind, status, flavor) = (wanted.kind, MigrationStatus::PreMigrating, new.flavor.number);
    let before = if intent.power == Power::Stopped { Power::Stopped } else { Power::Running };
    let (source_zone, dest_zone, was) = (server.availability_zone.clone(), None, server.state);
    let (id, from, dest, way) = (migration.to_owned(), source.clone(), None, Way::There);
    let manner = Manner::default();
    let resize = Resize { migration: id, source: from, dest, source_zone, dest_zone, was, old, new, way, manner };
    let (verb, task) = match wanted.kind {
        MigrationKind::Resize => (Verb::Resize, Task::ResizePrep),
        MigrationKind::Evacuation => (Verb::Evacuate, Task::Rebuilding),
        MigrationKind::Cold | MigrationKind::Live => (Verb::Migrate, Task::ResizePrep),
    };
    let mut moved = Server { resize: Some(resize), task: Some(task), updated: now, ..Server::clone(server) };
    let more = moved.quota().into_iter().zip(server.quota()).map(|((name, is), (_, was))| (name, is - was));
    // As Nova, what the project may not have is told before how it would come about.
    QUOTAS.claim(tx, &server.project, &more.collect::<Vec<_>>())?;
    let plan = planned(c, tx, server, &intent, wanted)?;
    let manner = plan.manner.unwrap_or_default();
    moved.resize.iter_mut().for_each(|resize| resize.manner = manner);
    vtpm::prepare(c, tx, &mut moved)?;
    let told = wanted.flavor.is_some().then(|| plan.clone());
    migrations::record(cx, tx, server, &Begun { id: migration, kind, status, source: &source, flavor, plan: told });
    tx.put(moved);
    let action = Action::asked(cx, &server.id, &server.project, verb);
    action.begin(tx)?;
    let object = Server::flow_object(&server.id);
    match manner {
        Manner::Restart => {}
        Manner::InPlace => {
            let state = reshape::State { server: server.id.clone(), action };
            let begin = Start::<ReshapeServer> { object, state, request_id: &cx.request_id, now };
            return c.starter.start(tx, begin).map(|_| plan);
        }
        Manner::LiveMigration => {
            let (id, power) = (&uuid_dashed().to_string(), intent.power);
            let journey = Journey { id, action, source, only: None, power, resizes: true };
            return send(c, cx, tx, server, journey).map(|()| plan);
        }
    }
    let state = resize::State {
        server: server.id.clone(),
        action,
        kind: wanted.kind,
        only: wanted.only.clone(),
        may_stay: wanted.kind == MigrationKind::Resize && c.config.allow_resize_to_same_host,
        before,
        after: wanted.after.unwrap_or(before),
        admin_pass: wanted.admin_pass.clone(),
        generation: 0,
    };
    c.starter.start(tx, Start::<MoveServer> { object, state, request_id: &cx.request_id, now }).map(|_| plan)
}

/// How it is to go: only a resize has a choice. One that would interrupt the guest without having been asked to is refused.
fn planned(c: &Compute, tx: &mut Tx, server: &Server, intent: &VmIntent, wanted: &Wanted) -> Result<Plan> {
    let Some(flavor) = &wanted.flavor else { return Ok(Plan::restart(Vec::new())) };
    let misfit = misfit(c, tx, server, flavor);
    let plan = plan(server, intent, flavor, wanted.asked, &c.config, misfit);
    if plan.manner.is_some() {
        return Ok(plan);
    }
    let why = plan.why.join("; ");
    let text =
        format!("Instance {} cannot be resized while it runs: {why}. Stop it first, or ask for a restart.", server.id);
    Err(ComputeError::Conflict(text).into())
}

/// Checks that a server waits for a decision. One whose state was set by hand, or whose way back was cut off, still does.
fn decide(cx: &Ctx, tx: &mut Tx, server: &Server, name: &'static str) -> Result<(Arc<Server>, Resize)> {
    let server = find_in(cx, tx, &server.id)?;
    unlocked(cx, &server)?;
    match server.resize.clone() {
        Some(resize) => idle(&server, name).map(|()| (server, resize)),
        None => {
            in_state(&server, name, &[ServerState::Resized])?;
            Err(invalid("Instance has not been resized."))
        }
    }
}

/// The server stays as it is now.
pub(crate) async fn confirm_resize(c: &Compute, cx: &Ctx, server: &Target) -> Result<()> {
    let (service, cx, found) = (c.clone(), cx.clone(), server.server());
    let begun = c.store.transact("compute.server.confirm_resize", move |tx| {
        let (server, resize) = decide(&cx, tx, &found, "confirmResize")?;
        if resize.way == Way::Back {
            let text = format!("Instance {} is half way back; revert it again.", server.id);
            return Err(ComputeError::Conflict(text).into());
        }
        reachable(&service, tx.view(), &resize.source)?;
        let action = Action::asked(&cx, &server.id, &server.project, Verb::ConfirmResize);
        confirm::begin(&service, tx, &server, action, cx.now())
    });
    begun.await
}

/// The server goes back to what it was.
pub(crate) async fn revert_resize(c: &Compute, cx: &Ctx, server: &Target) -> Result<()> {
    let (service, cx, found) = (c.clone(), cx.clone(), server.server());
    let begun = c.store.transact("compute.server.revert_resize", move |tx| {
        let (server, resize) = decide(&cx, tx, &found, "revertResize")?;
        let now = cx.now();
        tx.update::<Migration>(&resize.migration, |m| {
            (m.status, m.updated) = (MigrationStatus::Reverting, Some(now));
        });
        tx.update::<Server>(&server.id, |s| {
            (s.state, s.task, s.updated) = (ServerState::Resized, Some(Task::ResizeReverting), now);
            s.resize = Some(Resize { way: Way::Back, ..resize.clone() });
        });
        let action = Action::asked(&cx, &server.id, &server.project, Verb::RevertResize);
        action.begin(tx)?;
        let state = revert::State { server: server.id.clone(), action, generation: 0 };
        let object = Server::flow_object(&server.id);
        let begin = Start::<RevertResize> { object, state, request_id: &cx.request_id, now };
        service.starter.start(tx, begin).map(drop)
    });
    begun.await
}

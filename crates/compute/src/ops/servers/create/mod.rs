//! Creating servers: one transaction writes them in BUILD, with quota, ports and volumes chosen, and starts a flow for each.

mod access;
pub(super) mod build;
mod networks;
pub(crate) mod request;

use super::{as_bad_request, trimmed};
use crate::{
    Compute,
    error::invalid,
    flows::{
        create::{CreateServer, State, reservation},
        vtpm,
    },
    model::{
        Flavor, QUOTAS, Server, ServerGroup, VolumeSource,
        action::{Action, Verb},
    },
    policy::SERVERS_CREATE,
};
use access::Wanted;
use build::Blueprint;
pub(super) use build::password;
use flow::Start;
use kernel::{Ctx, Result};
use networks::Nics;
use policy::{Authorize, target};
use ports::NewVolume;
use request::{CreateBody, NewServer};
use std::sync::Arc;
use store::Tx;

/// What the client is told.
pub(crate) struct Created {
    pub(crate) first: Arc<Server>,
    pub(crate) reservation: String,
    pub(crate) admin_pass: String,
    /// As asked for; the default group if nothing was said.
    pub(crate) security_groups: Vec<String>,
    pub(crate) wants_reservation: bool,
}

pub(crate) async fn create(c: &Compute, cx: &Ctx, body: CreateBody) -> Result<Created> {
    let project = cx.project()?.clone();
    let zone = body.server.availability_zone.clone().unwrap_or_default();
    let target = target! { "project_id" => project, "user_id" => cx.credentials.user, "availability_zone" => zone };
    let _permit = cx.authorize(&SERVERS_CREATE, &target)?;
    let snapshot = c.store.read().await?;
    let (min, max) = counts(&body.server)?;
    let wanted = Wanted::check(c, cx, &snapshot, &body, max)?;
    let blueprint = Blueprint::draw(c, cx, &snapshot, &body, wanted, max)?;
    let nics = Nics::read(cx, &body.server, max)?;
    let admin_pass = body.server.admin_pass.clone().unwrap_or_else(build::password);
    let asked_groups = body.server.security_groups.as_ref();
    let groups = asked_groups.map(|g| g.iter().map(|n| n.name.clone()).collect::<Vec<_>>()).unwrap_or_default();
    let (service, ctx, pass, names) = (c.clone(), cx.clone(), admin_pass.clone(), groups.clone());
    let first = c.store.transact("compute.server.create", move |tx| {
        let count = affordable(tx, &blueprint, min, max)?;
        let group_ids = service.ports.resolve_groups(tx, &blueprint.project, &names).map_err(as_bad_request)?;
        let mut first = None;
        for index in 0..count {
            let server = blueprint.server(index, count, group_ids.clone());
            let server = enter(&service, &ctx, tx, server, &nics, pass.clone())?;
            first.get_or_insert(server);
        }
        first.ok_or_else(|| invalid("min_count must be at least 1"))
    });
    let first = first.await?;
    let security_groups = if asked_groups.is_some() { groups } else { vec!["default".into()] };
    let reservation = first.reservation.clone();
    Ok(Created {
        first,
        reservation,
        admin_pass,
        security_groups,
        wants_reservation: body.server.return_reservation_id,
    })
}

fn counts(server: &NewServer) -> Result<(u32, u32)> {
    let min = server.min_count.unwrap_or(1);
    let max = server.max_count.unwrap_or(min);
    if min > max {
        return Err(invalid("min_count must be <= max_count"));
    }
    let read = |n: u64| u32::try_from(n).map_err(|_| invalid("too many servers were asked for"));
    Ok((read(min)?, read(max)?))
}

/// How many of `max` the quota allows, and takes them; less than `min` is refused.
fn affordable(tx: &mut Tx, blueprint: &Blueprint, min: u32, max: u32) -> Result<u32> {
    let project = &blueprint.project;
    let one = blueprint.quota();
    let (limits, used) = (QUOTAS.limits(tx.view(), project), QUOTAS.used(tx.view(), project));
    let room = one.iter().filter(|(resource, amount)| *amount > 0 && limits[*resource] >= 0);
    let most = room.map(|(resource, amount)| ((limits[*resource] - used[*resource]) / amount).max(0)).min();
    let count = max.min(most.map_or(max, |n| u32::try_from(n).unwrap_or(max))).max(min);
    let amounts = one.map(|(resource, amount)| (resource, amount * i64::from(count)));
    QUOTAS.claim(tx, project, &amounts)?;
    blueprint.check_group(tx, count)?;
    Ok(count)
}

/// Writes one server with all that belongs to it, and starts its flow.
fn enter(
    c: &Compute,
    cx: &Ctx,
    tx: &mut Tx,
    mut server: Server,
    nics: &Nics,
    admin_pass: String,
) -> Result<Arc<Server>> {
    let plan = nics.plan(c, cx, tx, &server.project).map_err(as_bad_request)?;
    server.nics = nics.place(plan);
    for device in &server.devices {
        let Some(volume) = device.volume() else { continue };
        match &volume.made_of {
            None => c.volumes.reserve(tx, &reservation(&server, volume), &server.project).map_err(as_bad_request)?,
            Some(source) => {
                let new = NewVolume {
                    id: volume.volume.clone(),
                    name: String::new(),
                    size_gib: device.size_mib / 1024,
                    image: match source {
                        VolumeSource::Image(id) => Some(id.clone()),
                        _ => None,
                    },
                    snapshot: match source {
                        VolumeSource::Snapshot(id) => Some(id.clone()),
                        _ => None,
                    },
                    volume_type: volume.volume_type.clone(),
                    availability_zone: None,
                };
                c.volumes.create(tx, cx, &server.project, &new).map_err(as_bad_request)?;
            }
        }
    }
    vtpm::begin(c, tx, &mut server)?;
    let action = Action::asked(cx, &server.id, &server.project, Verb::Create);
    action.begin(tx)?;
    let state = State::first(&server, action, Some(admin_pass));
    let object = Server::flow_object(&server.id);
    let begin = Start::<CreateServer> { object, state, request_id: &cx.request_id, now: cx.now() };
    c.starter.start(tx, begin)?;
    tx.insert(server)
}

/// The flavor that a request names: one that the project may use.
pub(super) fn flavor(cx: &Ctx, snapshot: &store::Snapshot, id: &str) -> Result<Arc<Flavor>> {
    let id = id.rsplit('/').next().unwrap_or(id);
    let project = cx.project()?;
    let found = snapshot.get::<Flavor>(id).filter(|f| !f.disabled && (f.usable_by(project) || cx.is_admin()));
    found.ok_or_else(|| as_bad_request(crate::ComputeError::NoFlavor(id.into()).into()))
}

/// The group of a hint.
fn group(cx: &Ctx, snapshot: &store::Snapshot, body: &CreateBody) -> Result<Option<Arc<ServerGroup>>> {
    let hint = match body.hints.get("group") {
        Some(serde_json::Value::String(id)) => id,
        Some(serde_json::Value::Array(ids)) => match ids.first().and_then(|id| id.as_str()) {
            Some(id) => id,
            None => return Ok(None),
        },
        _ => return Ok(None),
    };
    let project = cx.project()?;
    let found = snapshot.get::<ServerGroup>(hint).filter(|g| g.project == *project || cx.is_admin());
    found.map(Some).ok_or_else(|| as_bad_request(crate::ComputeError::NoGroup(hint.to_owned()).into()))
}

/// A server's name without blanks around it.
fn name(server: &NewServer) -> String {
    trimmed(&server.name)
}

//! Shelve, offload, unshelve.

use super::{
    Target,
    change::{self, Change, Failing, Restart},
    create_image, find_in, in_state, on_host,
    resize::named_host,
    unlocked,
};
use crate::{
    Compute, ComputeError,
    error::invalid,
    flows::{
        create::{self, CreateServer},
        shelve::{ShelveServer, State, begin_offload},
    },
    model::{
        BlockDevice, ComputeHost, Server, ServerState, Task,
        action::{Action, Verb},
        vm::{Power, VmIntent},
        vtpm,
    },
    ops::zones::zone_of,
    policy::UNSHELVE_TO_HOST,
};
use flow::Start;
use kernel::{Ctx, HostName, ImageId, Result};
use policy::{Authorize, target};
use serde::Deserialize;
use store::{Snapshot, Tx};

/// Stops a server and keeps what it needs to come back elsewhere.
pub(crate) async fn shelve(c: &Compute, cx: &Ctx, server: &Target) -> Result<()> {
    let (service, cx, found, image) = (c.clone(), cx.clone(), server.server(), ImageId::new());
    let begun = c.store.transact("compute.server.shelve", move |tx| begin(&service, &cx, tx, &found, &image));
    begun.await
}

fn begin(c: &Compute, cx: &Ctx, tx: &mut Tx, server: &Server, image: &ImageId) -> Result<()> {
    use ServerState as S;
    let server = find_in(cx, tx, &server.id)?;
    vtpm::refuse(&server, "shelve")?;
    unlocked(cx, &server)?;
    in_state(&server, "shelve", &[S::Active, S::Stopped, S::Paused, S::Suspended])?;
    on_host(&server)?;
    let not_ready = || ComputeError::NotReady(server.id.clone());
    let intent = tx.get::<VmIntent>(&server.id).filter(|i| i.power != Power::Absent).ok_or_else(not_ready)?;
    let host = server.host.clone().ok_or_else(not_ready)?;
    let (now, root) = (cx.now(), server.root().filter(|d| d.is_local()).map(BlockDevice::disk_id));
    if root.is_some() {
        let name = format!("{}-shelved", server.name);
        let record = create_image::of_disk(c, tx.view(), &server, image, &name);
        c.images.create(tx, cx, &record, false)?;
    }
    tx.update::<Server>(&server.id, |s| (s.task, s.updated) = (Some(Task::Shelving), now));
    let action = Action::asked(cx, &server.id, &server.project, Verb::Shelve);
    action.begin(tx)?;
    let image = root.map(|disk| (image.clone(), disk));
    let state = State { server: server.id.clone(), action, host, image, power: intent.power };
    let object = Server::flow_object(&server.id);
    c.starter.start(tx, Start::<ShelveServer> { object, state, request_id: &cx.request_id, now }).map(drop)
}

/// Takes a shelved server from its host.
pub(crate) async fn shelve_offload(c: &Compute, cx: &Ctx, server: &Target) -> Result<()> {
    let (service, cx, found) = (c.clone(), cx.clone(), server.server());
    let begun = c.store.transact("compute.server.shelve_offload", move |tx| {
        let server = find_in(&cx, tx, &found.id)?;
        unlocked(&cx, &server)?;
        in_state(&server, "shelveOffload", &[ServerState::Shelved])?;
        let action = Action::asked(&cx, &server.id, &server.project, Verb::ShelveOffload);
        action.begin(tx)?;
        begin_offload(&service, tx, &server, action, cx.now())
    });
    begun.await
}

/// The body of `unshelve`, from 2.77 on.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Unshelve {
    /// `null` lets go of the zone that the server was made for.
    #[serde(deserialize_with = "super::update::given")]
    availability_zone: Option<Option<String>>,
    host: Option<String>,
}

impl Unshelve {
    fn chooses(&self) -> bool {
        self.availability_zone.is_some() || self.host.is_some()
    }
}

/// Brings a shelved server back: where it is, or, once it was offloaded, on a host in the zone or the one that is named.
pub(crate) async fn unshelve(c: &Compute, cx: &Ctx, server: &Target, asked: Unshelve) -> Result<()> {
    let snapshot = c.store.read().await?;
    let (service, cx, found) = (c.clone(), cx.clone(), server.server());
    let begun = c.store.transact("compute.server.unshelve", move |tx| {
        let server = find_in(&cx, tx, &found.id)?;
        unlocked(&cx, &server)?;
        in_state(&server, "unshelve", &[ServerState::Shelved, ServerState::ShelvedOffloaded])?;
        match server.state {
            ServerState::ShelvedOffloaded => {
                let only = choice(&service, &cx, &snapshot, &server, &asked)?;
                elsewhere(&service, &cx, tx, &server, &asked, only)
            }
            state if asked.chooses() => Err(ComputeError::Conflict(format!(
                "Specifying an availability zone or a host when unshelving server \"{}\" with status \"{state}\" is not \
                 supported. The server status must be SHELVED_OFFLOADED.",
                server.id
            ))
            .into()),
            _ => change::begin(&service, &cx, tx, &server, &IN_PLACE, |intent| intent.power = Power::Running),
        }
    });
    begun.await
}

const IN_PLACE: Change = Change {
    name: "unshelve",
    states: &[ServerState::Shelved],
    verb: Verb::Unshelve,
    task: Task::Unshelving,
    reach: ServerState::Active,
    restart: Restart::No,
    failing: Failing::Back,
};

/// Checks the zone and the host that are asked for; the host.
fn choice(c: &Compute, cx: &Ctx, snapshot: &Snapshot, server: &Server, asked: &Unshelve) -> Result<Option<HostName>> {
    if let Some(Some(zone)) = &asked.availability_zone {
        let mut up = snapshot.all::<ComputeHost>().filter(|h| !h.disabled && c.hosts.is_connected(&h.name));
        if !up.any(|host| zone_of(snapshot, &host) == *zone) {
            return Err(invalid("The requested availability zone is not available"));
        }
    }
    let Some(host) = &asked.host else { return Ok(None) };
    let _permit = cx.authorize(&UNSHELVE_TO_HOST, &target! { "project_id" => server.project })?;
    let name = named_host(snapshot, host)?;
    let zone = asked.availability_zone.as_ref().unwrap_or(&server.pinned_zone);
    let is_in = snapshot.get::<ComputeHost>(&name).map(|h| zone_of(snapshot, &h));
    match zone {
        Some(zone) if is_in.as_ref() != Some(zone) => {
            let text = format!("Host \"{host}\" is not in the availability zone \"{zone}\".");
            Err(ComputeError::Conflict(text).into())
        }
        _ => Ok(Some(name)),
    }
}

fn elsewhere(
    c: &Compute,
    cx: &Ctx,
    tx: &mut Tx,
    server: &Server,
    asked: &Unshelve,
    only: Option<HostName>,
) -> Result<()> {
    let now = cx.now();
    tx.update::<Server>(&server.id, |s| {
        (s.task, s.updated) = (Some(Task::Unshelving), now);
        if let Some(zone) = &asked.availability_zone {
            s.pinned_zone.clone_from(zone);
        }
    });
    let action = Action::asked(cx, &server.id, &server.project, Verb::Unshelve);
    action.begin(tx)?;
    let state = create::State::unshelving(server, action, only);
    let object = Server::flow_object(&server.id);
    c.starter.start(tx, Start::<CreateServer> { object, state, request_id: &cx.request_id, now }).map(drop)
}

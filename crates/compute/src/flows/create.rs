//! Creating a server.
//!
//! ```text
//!   request    server (BUILD), quota, volumes to make, ports chosen, flow      one transaction → 202
//!   place      the scheduler's choice and the claim                            commit
//!   network    ports bound to the host; volumes made meanwhile are reserved    commit (waits for those volumes)
//!   storage    volumes exported to the host, network ready → the host's intent commit
//!   run        … the host starts the guest and says so …                       commit: ACTIVE
//! ```
//!
//! Undo goes backwards: the guest is ended and its volumes disconnected, ports and reservations are released, the claim is
//! given back. What happens then, [`CreateServer::failed`] decides in the transaction that ends the flow:
//!
//! - the server is being deleted: nothing, the delete flow waits for just this;
//! - the host had refused (its disk is full, its hypervisor broken): the next flow begins, without that host;
//! - else the server is in ERROR with the reason.
//!
//! Port and volume ids are chosen by the request, so every try, and every repetition of a step, makes the same things.

use super::{
    create_image::DiscardImage,
    guest::{self, Removed},
    moving::{spare, working},
};
use crate::{
    Compute,
    driver::VmState,
    model::{
        BlockDevice, ComputeHost, DeviceState, Fault, PowerState, QUOTAS, Server, ServerState, Task, VolumeBacking,
        action::Action,
        group::ServerGroup,
        hardware::Build,
        machine,
        placing::{self, GroupView},
        vm::{VmIntent, VmObserved},
    },
};
use flow::{Commit, Flow, Start, Step, StepCx, StepError, StepResult};
use kernel::{Error, HostName, PortId, Result, ServerId, Timestamp};
use ports::{AttachRequest, ConnectedVolume, ImageInfo, PlaceRequest, Roster};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};
use store::{Snapshot, Tx};

/// For volumes that are made of images, and for hosts that fetch images first.
const LONG: Duration = Duration::from_secs(1800);
/// A network back end that has not taken a port by then will not.
const NETWORK: Duration = Duration::from_secs(60);

pub struct CreateServer(pub Compute);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    pub server: ServerId,
    pub action: Action,
    /// For the config drive; kept nowhere else.
    pub admin_pass: Option<String>,
    pub tries: u32,
    pub not_hosts: Vec<HostName>,
    /// What the last host said that refused.
    pub refusal: Option<String>,
    pub host: Option<HostName>,
    pub generation: u64,
    #[serde(default)]
    pub purpose: Purpose,
}

/// What the server is made a guest for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    #[default]
    Create,
    /// It has been one before, and gave up its host; all else is its own already.
    Unshelve {
        /// The one host it may go to.
        only: Option<HostName>,
    },
}

impl State {
    pub(crate) fn first(server: &Server, action: Action, admin_pass: Option<String>) -> Self {
        let server = server.id.clone();
        let (host, generation, refusal, purpose) = (None, 0, None, Purpose::Create);
        Self { server, action, admin_pass, tries: 1, not_hosts: Vec::new(), refusal, host, generation, purpose }
    }

    pub(crate) fn unshelving(server: &Server, action: Action, only: Option<HostName>) -> Self {
        Self { purpose: Purpose::Unshelve { only }, ..Self::first(server, action, None) }
    }
}

impl Flow for CreateServer {
    const KIND: &'static str = "compute.create_server";
    type State = State;

    fn steps() -> Vec<Step<Self>> {
        vec![
            Step::new("place", Self::place).undo(Self::unplace),
            Step::new("network", Self::network).undo(Self::unnetwork).within(LONG, LONG),
            Step::new("storage", Self::storage).undo(Self::unstorage).within(NETWORK * 2, NETWORK * 5),
            Step::new("run", Self::run).within(LONG, LONG),
        ]
    }

    fn failed(&self, tx: &mut Tx, state: &State, why: &str, now: Timestamp) -> Result<()> {
        let Some(server) = tx.get::<Server>(&state.server) else { return Ok(()) };
        if server.is_deleting() {
            return state.action.finish(tx, None, Some("the server was deleted"), now);
        }
        let refusal = server.fault.as_ref().map(|f| f.message.clone());
        if refusal.is_some() && state.tries < self.0.config.create_tries {
            return self.try_elsewhere(tx, state, refusal, now);
        }
        let message = refusal.or_else(|| state.refusal.clone()).unwrap_or_else(|| why.to_owned());
        let details = self.explain(tx, &server, state);
        if state.purpose != Purpose::Create {
            guest::conclude(tx, &state.server, now, |server| {
                (server.task, server.power) = (None, PowerState::Shutdown);
                server.fault = Some(Fault::internal(&message, details, now));
            });
            return state.action.finish(tx, state.host.as_ref(), Some(&message), now);
        }
        give_up_volumes(&self.0, tx, &server)?;
        state.action.finish(tx, state.host.as_ref(), Some(&message), now)?;
        guest::conclude(tx, &state.server, now, |server| {
            (server.state, server.task, server.power) = (ServerState::Error, None, PowerState::None);
            server.fault = Some(Fault::internal(message, details, now));
        });
        Ok(())
    }
}

impl CreateServer {
    async fn place(self: Arc<Self>, cx: StepCx, _state: State) -> StepResult<Self> {
        let (c, now) = (self.0.clone(), cx.now());
        Ok(Commit::with(move |tx, state: &mut State| {
            let server = guest::server(tx, &state.server)?;
            let request = request(tx, &server, state, c.roster());
            let claim = c.placer.claim(tx, &request, now)?;
            state.host = Some(claim.host.clone());
            tx.update::<Server>(&state.server, |s| {
                (s.host, s.availability_zone) = (Some(claim.host), Some(claim.availability_zone));
                s.cells = claim.cells;
                s.task = working(s, Task::Networking);
            });
            Ok(())
        }))
    }

    async fn unplace(self: Arc<Self>, _cx: StepCx, _state: State) -> StepResult<Self> {
        let c = self.0.clone();
        Ok(Commit::with(move |tx, state: &mut State| {
            c.placer.release(tx, &state.server)?;
            tx.update::<Server>(&state.server, |s| {
                (s.host, s.cells) = (None, Vec::new());
                s.availability_zone = s.pinned_zone.clone();
                s.task = working(s, Task::Scheduling);
            });
            Ok(())
        }))
    }

    /// Volumes that the request made are reserved only here, because they had to become first.
    async fn network(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        let c = self.0.clone();
        let made: Vec<VolumeBacking> = match cx.snapshot().get::<Server>(&state.server) {
            _ if state.purpose != Purpose::Create => Vec::new(),
            Some(server) => made_for(&server).cloned().collect(),
            None => Vec::new(),
        };
        if !made.is_empty() {
            cx.wait_for(|snapshot| volumes_made(&c, snapshot, &made)).await?;
        }
        let now = cx.now();
        Ok(Commit::with(move |tx, state: &mut State| {
            let server = guest::server(tx, &state.server)?;
            let host = state.host.clone().ok_or_else(|| Error::internal("binding ports: no host was chosen"))?;
            c.ports.bind(tx, &guest::bind_all(&server, host, now))?;
            for volume in &made {
                c.volumes.reserve(tx, &reservation(&server, volume), &server.project)?;
            }
            tx.update::<Server>(&state.server, |s| s.task = working(s, Task::BlockDeviceMapping));
            Ok(())
        }))
    }

    async fn unnetwork(self: Arc<Self>, _cx: StepCx, _state: State) -> StepResult<Self> {
        let c = self.0.clone();
        Ok(Commit::with(move |tx, state: &mut State| {
            let server = guest::server(tx, &state.server)?;
            if state.purpose != Purpose::Create {
                return c.ports.unbind(tx, &state.server);
            }
            c.ports.release(tx, &state.server, None)?;
            made_for(&server).try_for_each(|v| c.volumes.release(tx, &v.attachment))
        }))
    }

    /// All that the guest needs outside is made ready; then the host may begin.
    async fn storage(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        let (c, snapshot) = (self.0.clone(), cx.snapshot());
        let gone = || StepError::Failed(Error::conflict("the server is gone"));
        let server = snapshot.get::<Server>(&state.server).ok_or_else(gone)?;
        let host = guest::host_of(&snapshot, &state.server)?;
        if let Some(id) = server.shelved_image.as_ref().filter(|id| c.images.info(&snapshot, id).is_none()) {
            return guest::refused(format!("Unshelve failed because shelved image {id} could not be found."));
        }
        let ports: Vec<PortId> = server.nics.iter().map(|n| n.plan.port.clone()).collect();
        let connect = guest::connect_volumes(&c, &server, &host);
        let (connected, ready) = tokio::join!(connect, c.ports.wait_ready(&ports, NETWORK));
        let connected = match (connected, ready) {
            (Ok(connected), Ok(())) => connected,
            (Err(e), _) | (_, Err(e)) => {
                // A definite failure must leave nothing behind.
                guest::disconnect_volumes(&c, &server).await.map_err(StepError::Retry)?;
                return Err(e.into());
            }
        };
        let image = server.shelved_image.as_ref().or(server.image.as_ref());
        let image = image.and_then(|id| c.images.info(&snapshot, id));
        Ok(Commit::with(move |tx, state: &mut State| write_intent(&c, tx, state, &host, image.as_ref(), &connected)))
    }

    async fn unstorage(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        let removed = guest::remove(&self.0, &cx, &state.server).await?;
        if let Some(server) = cx.snapshot().get::<Server>(&state.server)
            && removed == Removed::Yes
        {
            guest::disconnect_volumes(&self.0, &server).await.map_err(StepError::Retry)?;
        }
        Ok(Commit::with(move |tx, state: &mut State| {
            guest::forget(tx, &state.server, removed);
            if state.purpose == Purpose::Create {
                // The next host may have other machines.
                tx.update::<Server>(&state.server, |s| s.machine_type = None);
            }
            Ok(())
        }))
    }

    async fn run(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        let (c, id, generation) = (self.0.clone(), state.server.clone(), state.generation);
        let seen = guest::done(&cx, &id, generation, |seen| seen.state != VmState::Absent).await?;
        let now = cx.now();
        Ok(Commit::with(move |tx, state: &mut State| finish(&c, tx, state, &seen, now)))
    }

    /// The flow after this one leaves out the host that refused.
    fn try_elsewhere(&self, tx: &mut Tx, state: &State, refusal: Option<String>, now: Timestamp) -> Result<()> {
        let not_hosts = state.not_hosts.iter().cloned().chain(state.host.clone()).collect();
        let next = State { tries: state.tries + 1, not_hosts, refusal, host: None, generation: 0, ..state.clone() };
        tx.update::<Server>(&state.server, |s| {
            (s.fault, s.task) = (None, Some(Task::Scheduling));
        });
        let object = Server::flow_object(&state.server);
        let begin = Start::<Self> { object, state: next, request_id: &state.action.request_id, now };
        self.0.starter.start(tx, begin).map(|_| ())
    }

    /// For administrators: why each host was not taken.
    fn explain(&self, tx: &mut Tx, server: &Server, state: &State) -> Option<String> {
        if state.host.is_some() {
            return None;
        }
        let request = request(tx, server, state, self.0.roster());
        Some(self.0.placer.explain(tx.view(), &request).to_string())
    }
}

/// What a server was forced to when it was made counts for that alone.
fn request(tx: &mut Tx, server: &Server, state: &State, roster: Roster) -> PlaceRequest {
    let Purpose::Unshelve { only } = &state.purpose else {
        return place_request(tx, server, &state.not_hosts, roster);
    };
    let not: Vec<HostName> = state.not_hosts.iter().cloned().chain(spare::hosts(tx, &server.id)).collect();
    let mut request = place_request(tx, &Server { forced_host: None, ..server.clone() }, &not, roster);
    if let Some(only) = only {
        request.only_hosts = vec![only.clone()];
    }
    request
}

/// What a server asks of placement, with its group and hints looked up.
pub(crate) fn place_request(tx: &mut Tx, server: &Server, not_hosts: &[HostName], roster: Roster) -> PlaceRequest {
    let group = server.group.as_ref().and_then(|id| tx.get::<ServerGroup>(id)).map(|group| {
        let members = tx.by(Server::BY_GROUP, &group.id);
        // Read by key, so that what is decided on is validated at commit.
        let others = members.iter().filter(|m| m.id != server.id).filter_map(|m| tx.get::<Server>(&m.id)).collect();
        GroupView { group, others }
    });
    let hinted: Vec<_> =
        ["same_host", "different_host"].iter().flat_map(|hint| placing::hinted(server, hint)).collect();
    let hosts: Vec<_> = hinted.iter().map(|id| tx.get::<Server>(id).and_then(|s| s.host.clone())).collect();
    let host_of = |id: &str| hinted.iter().position(|h| *h == id).and_then(|at| hosts[at].clone());
    let mut request = placing::request(server, group.as_ref(), host_of, roster);
    request.not_hosts.extend(not_hosts.iter().cloned());
    request.unfit = machine::unfit(tx.view(), server);
    request
}

/// Volumes made for the server by its request.
fn made_for(server: &Server) -> impl Iterator<Item = &VolumeBacking> {
    server.devices.iter().filter_map(BlockDevice::volume).filter(|v| v.made_of.is_some())
}

fn volumes_made(
    c: &Compute,
    snapshot: &Snapshot,
    made: &[VolumeBacking],
) -> Option<std::result::Result<(), StepError>> {
    for volume in made {
        let status = c.volumes.info(snapshot, &volume.volume).map(|v| v.status);
        match status.as_deref() {
            Some("available" | "reserved" | "attaching" | "in-use") => {}
            None => return Some(guest::refused(format!("Volume {} is gone.", volume.volume))),
            Some(status) if status.starts_with("error") => {
                return Some(guest::refused(format!(
                    "Volume {} did not finish being created; its status is {status}.",
                    volume.volume
                )));
            }
            Some(_) => return None,
        }
    }
    Some(Ok(()))
}

pub(crate) fn reservation(server: &Server, volume: &VolumeBacking) -> AttachRequest {
    AttachRequest {
        attachment: volume.attachment.clone(),
        volume: volume.volume.clone(),
        server: server.id.clone(),
        read_only: false,
    }
}

fn write_intent(
    c: &Compute,
    tx: &mut Tx,
    state: &mut State,
    host: &HostName,
    image: Option<&ImageInfo>,
    connected: &[ConnectedVolume],
) -> Result<()> {
    let server = guest::server(tx, &state.server)?;
    if server.is_deleting() {
        return Err(Error::conflict("the server is being deleted"));
    }
    let known = tx.get::<ComputeHost>(host);
    let machine_type = machine::at_start(&server, known.as_deref());
    let server = &Server { machine_type: machine_type.clone(), ..Server::clone(&server) };
    let build = Build {
        server,
        host,
        image,
        bound: c.ports.bound(tx.view(), &server.id),
        connected: connected.to_vec(),
        groups: c.ports.group_names(tx.view(), &server.id),
        admin_pass: state.admin_pass.clone(),
        config: &c.config,
    };
    let mut intent = build.intent();
    // An intent that is there still is one of ours that the host has not let go of: generations go on from it.
    if let Some(before) = tx.get::<VmIntent>(&server.id) {
        intent.generation = intent.generation.max(before.generation + 1);
    }
    state.generation = intent.generation;
    tx.put(intent);
    tx.delete::<VmObserved>(&state.server);
    tx.update::<Server>(&state.server, |s| {
        (s.generation, s.task) = (state.generation, working(s, Task::Spawning));
        s.machine_type.clone_from(&machine_type);
    });
    Ok(())
}

fn finish(c: &Compute, tx: &mut Tx, state: &State, seen: &VmObserved, now: Timestamp) -> Result<()> {
    let server = guest::server(tx, &state.server)?;
    for device in &server.devices {
        if let Some(volume) = device.volume() {
            c.volumes.complete(tx, &volume.attachment, &device.device)?;
        }
    }
    for nic in &server.nics {
        c.ports.set_plugged(tx, &nic.plan.port, true)?;
    }
    guest::conclude(tx, &state.server, now, |s| {
        (s.state, s.task, s.power) = (ServerState::Active, None, PowerState::from(seen.state));
        (s.launched, s.fault) = (Some(now), None);
        s.shelved_image = None;
        s.devices.iter_mut().for_each(|d| d.state = DeviceState::Attached);
    });
    if let Some(image) = &server.shelved_image {
        DiscardImage::begin(c, tx, image, &state.action, now)?;
    }
    state.action.finish(tx, Some(&seen.host), None, now)
}

/// A server that will not be: volumes that were there before are free again, those made for it go if they were to go
/// with it.
fn give_up_volumes(c: &Compute, tx: &mut Tx, server: &Server) -> Result<()> {
    for device in &server.devices {
        let Some(volume) = device.volume() else { continue };
        c.volumes.release(tx, &volume.attachment)?;
        if volume.made_of.is_some() && device.delete_on_termination {
            c.volumes.delete(tx, &volume.volume)?;
        }
    }
    Ok(())
}

/// What every ended server gives back to its project.
pub(crate) fn release_quota(tx: &mut Tx, server: &Server) {
    QUOTAS.release(tx, &server.project, &server.quota());
}

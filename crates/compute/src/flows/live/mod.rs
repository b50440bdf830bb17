//! Live migration: a server goes to another host, and its guest does not notice.
//!
//! ```text
//!   request    migration, task "migrating"                                          one transaction → 202
//!   place      the old claim in the migration's name, a new one in the server's     commit: preparing
//!   prepare    ports with two hosts, volumes exported to both, disks and a QEMU     commit: running
//!              that waits on the host to be gone to (intent `Arriving`)
//!   transfer   … the source's QEMU sends disks and memory …                         commit: the server is there
//!   arrive     … its host lets it run; after post-copy, all memory has come …       commit: completed, the source gives up all
//! ```
//!
//! Exactly one guest runs, whoever dies when:
//! - the source's QEMU alone decides that it has sent all; it stands still from then on, and its host lets it run again only when
//!   it is told that nothing landed ([`crate::driver::CallOff::NotLanded`]);
//! - the other host lets the guest run only by the intent that the commit of `transfer` writes, or after the switch to post-copy,
//!   from which there is no way back;
//! - undo asks the source first ([`undo`]): a guest that has not left stays. Of one that has left it asks the other host. Did it land,
//!   the move has happened and the flow ends well; else what waits there is ended, by that host's word, before the source goes on.
//!
//! A guest whose host has no room for what a resize makes of it goes this way, too ([`State::resizes`]): room for the larger of both
//! shapes is claimed where it goes, and the commit of `arrive` begins [`ReshapeServer`](super::moving::reshape::ReshapeServer) there.
//! Until that commit everything can be as it was; after it the server stays where it is, whatever becomes of its shape ([`grow`]).
//!
//! Data goes from hypervisor to hypervisor: a member that dies takes nothing of it with it, and the next one asks again.

mod arrive;
mod grow;
mod prepare;
mod transfer;
mod undo;

use super::{
    create::place_request,
    guest,
    moving::{bound_for, claims, failed, given_up, note, resize_of, spare},
};
use crate::{
    Compute,
    model::{
        ComputeHost, Server, Task,
        action::Action,
        aggregate,
        migration::MigrationStatus,
        shape::Shape,
        vm::{Power, VmIntent},
    },
};
use flow::{Commit, Flow, FlowRecord, Step, StepCx, StepResult};
use kernel::{Error, HostName, Result, ServerId, Timestamp};
use ports::{CellFit, PlaceRequest, Refusals, network::Crossing};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use store::Tx;

/// What a host answers at once.
const QUICK: Duration = Duration::from_secs(20);
const NETWORK: Duration = Duration::from_secs(60);
const LONG: Duration = Duration::from_secs(24 * 3600);

pub struct LiveMigrate(pub Compute);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    pub server: ServerId,
    pub action: Action,
    /// The id of the [`Migration`].
    pub migration: String,
    pub source: HostName,
    pub source_zone: Option<String>,
    /// The one host to go to.
    pub only: Option<HostName>,
    pub dest: Option<HostName>,
    /// Where on it, if it matters to the guest.
    #[serde(default)]
    pub cells: Vec<CellFit>,
    /// What its guest does, and will do there.
    pub power: Power,
    /// It was called off or failed when the guest had landed: the move has happened.
    pub stays: bool,
    /// It goes there to be given the shape of the server's resize, and that has not been begun.
    #[serde(default)]
    pub resizes: bool,
}

impl State {
    fn task(&self) -> Task {
        if self.resizes { Task::ResizeMigrating } else { Task::Migrating }
    }

    fn dest(&self) -> Result<HostName> {
        self.dest.clone().ok_or_else(|| Error::conflict("no host was chosen"))
    }
}

impl Flow for LiveMigrate {
    const KIND: &'static str = "compute.live_migrate";
    type State = State;

    fn steps() -> Vec<Step<Self>> {
        vec![
            Step::new("place", Self::place).undo(Self::unplace),
            Step::new("prepare", Self::prepare).undo(Self::give_up).within(LONG, LONG),
            Step::new("transfer", Self::transfer).undo(Self::undo_transfer).within(LONG, LONG),
            Step::new("arrive", Self::arrive).within(LONG, LONG),
        ]
    }

    fn failed(&self, tx: &mut Tx, state: &State, why: &str, now: Timestamp) -> Result<()> {
        if state.stays {
            return Ok(());
        }
        let status = if called_off(tx, &state.server) { MigrationStatus::Cancelled } else { MigrationStatus::Error };
        failed(tx, &state.migration, status, why, now);
        if state.resizes {
            return given_up(&self.0, tx, &state.server, &state.action, why, now, |_| ());
        }
        guest::conclude(tx, &state.server, now, |s| s.task = None);
        state.action.finish(tx, Some(&state.source), Some(why), now)
    }
}

fn called_off(tx: &mut Tx, server: &ServerId) -> bool {
    let flows = tx.by(FlowRecord::BY_OBJECT, &Server::flow_object(server));
    flows.iter().any(|f| f.kind == LiveMigrate::KIND && f.cancelled)
}

/// Hosts on which a guest would find another processor than it has begun with.
fn other_cpus(tx: &Tx, source: &HostName) -> Vec<(HostName, String)> {
    let view = tx.view();
    let Some(here) = view.get::<ComputeHost>(source) else { return Vec::new() };
    let others = view.all::<ComputeHost>().filter(|there| !there.has_cpu_of(&here));
    let why = |there: &ComputeHost| format!("guests there have another processor, {}", there.capabilities.guest_cpu);
    others.map(|there| (there.name.clone(), why(&there))).collect()
}

/// Room elsewhere. Where its creation was told to place it binds no later move.
fn request(c: &Compute, tx: &mut Tx, state: &State, server: &Server) -> Result<PlaceRequest> {
    if state.resizes {
        let resize = resize_of(server)?;
        return Ok(elsewhere(c, tx, server, &state.source, (&resize.old, &resize.new)));
    }
    let free = Server { forced_host: None, ..server.clone() };
    let mut request = place_request(tx, &free, std::slice::from_ref(&state.source), c.roster());
    request.unfit.extend(other_cpus(tx, &state.source));
    Ok(request)
}

/// Room for either of two shapes on a host that is not this one, for a guest that runs.
fn elsewhere(c: &Compute, tx: &mut Tx, server: &Server, source: &HostName, shapes: (&Shape, &Shape)) -> PlaceRequest {
    let mut request = claims::for_either(c, tx, server, shapes, std::slice::from_ref(source));
    request.unfit.extend(other_cpus(tx, source));
    request
}

/// Why a guest that would leave its host to take another shape would find no other now; `None`: it would. Asked as the flow asks.
pub(crate) fn nowhere(c: &Compute, tx: &mut Tx, server: &Server, shapes: (&Shape, &Shape)) -> Option<Refusals> {
    let request = elsewhere(c, tx, server, server.host.as_ref()?, shapes);
    let view = tx.view();
    let fits = |host: &ComputeHost| c.placer.misfit(view, &request, &host.name).is_none();
    let found = view.all::<ComputeHost>().any(|host| fits(&host));
    (!found).then(|| c.placer.explain(view, &request))
}

impl LiveMigrate {
    async fn place(self: Arc<Self>, cx: StepCx, _state: State) -> StepResult<Self> {
        let (c, now) = (self.0.clone(), cx.now());
        Ok(Commit::with(move |tx, state: &mut State| {
            let server = guest::server(tx, &state.server)?;
            let mut request = request(&c, tx, state, &server)?;
            if let Some(host) = &state.only {
                request.only_hosts = vec![host.clone()];
            }
            let claim = claims::claim_another(&c, tx, &server, &state.migration, &request, now)?;
            if let Some(resize) = server.resize.as_ref().filter(|_| state.resizes) {
                bound_for(tx, &state.server, resize, (&claim.host, Some(&claim.availability_zone)), now);
            }
            (state.dest, state.cells) = (Some(claim.host), claim.cells);
            note(tx, &state.migration, MigrationStatus::Preparing, now);
            Ok(())
        }))
    }

    async fn unplace(self: Arc<Self>, cx: StepCx, _state: State) -> StepResult<Self> {
        let (c, now) = (self.0.clone(), cx.now());
        Ok(Commit::with(move |tx, state: &mut State| {
            if state.stays {
                return Ok(());
            }
            state.dest = None;
            let server = guest::server(tx, &state.server)?;
            if state.resizes {
                tx.update::<Server>(&state.server, |s| s.resize.iter_mut().for_each(|r| r.dest = None));
            }
            claims::take_back(&c, tx, &server, &state.migration, now)
        }))
    }

    /// Asks a host, which knows the server by its id.
    async fn ask<T: DeserializeOwned>(
        &self,
        host: &HostName,
        method: &str,
        params: Value,
        within: Duration,
    ) -> Result<T> {
        let answer = self.0.hosts.call(host, method, params, within).await?;
        serde_json::from_value(answer)
            .map_err(|e| Error::internal(format!("reading the answer to {method}")).with_source(e))
    }
}

/// The server is on the host that it goes to: so say its record, its intent and its ports. What it was on the source stays as it
/// is until it is known that it landed.
fn switch(c: &Compute, tx: &mut Tx, state: &State, now: Timestamp) -> Result<()> {
    let dest = state.dest()?;
    let lost = || Error::conflict("the server is on no host");
    let main = tx.get::<VmIntent>(&state.server).ok_or_else(lost)?;
    if main.host == dest {
        return Ok(());
    }
    let there = spare::get(tx, &state.server, &dest).ok_or_else(lost)?;
    spare::put(tx, &main, &state.source, Power::Leaving);
    let generation = guest::next_generation(tx, &state.server);
    spare::forget(tx, &state.server, &dest);
    tx.put(VmIntent { spare: false, from: None, power: state.power, generation, ..VmIntent::clone(&there) });
    tx.delete::<crate::model::vm::VmObserved>(&state.server);
    let zone = zone_of(tx, &dest);
    tx.update::<Server>(&state.server, |s| {
        (s.host, s.availability_zone, s.updated) = (Some(dest.clone()), zone.clone(), now);
        s.cells.clone_from(&state.cells);
    });
    c.ports.cross(tx, &state.server, &dest, Crossing::Arrived)?;
    note(tx, &state.migration, MigrationStatus::PostMigrating, now);
    Ok(())
}

fn zone_of(tx: &Tx, host: &HostName) -> Option<String> {
    let host = tx.view().get::<ComputeHost>(host)?;
    Some(aggregate::zone_of(tx.view(), &host))
}

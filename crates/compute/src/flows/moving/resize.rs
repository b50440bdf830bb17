//! Resize, cold migration and evacuation; [`super`] has the drawing.

use super::{
    LONG, claims, dest_of, given_up, note,
    places::{Settling, arrived, come_back, follow, go_to, settle_on, stop, unstop},
    resize_before, resize_of, spare, working,
};
use crate::{
    Compute,
    driver::{LocalDiskSpec, VmState},
    flows::{create::place_request, guest, power::reached},
    model::{
        Server, ServerState, Task,
        action::Action,
        migration::{MigrationKind, MigrationStatus},
        shape::Resize,
        vm::{Power, VmObserved},
    },
};
use flow::{Commit, Flow, Step, StepCx, StepError, StepResult};
use kernel::{Error, HostName, Result, ServerId, Timestamp};
use ports::{PlaceRequest, Roster, hosts::Call};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;
use store::Tx;

pub struct MoveServer(pub Compute);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    pub server: ServerId,
    pub action: Action,
    pub kind: MigrationKind,
    /// The one host to go to.
    pub only: Option<HostName>,
    /// Whether it may be given its new shape where it is.
    pub may_stay: bool,
    /// What its guest was before, and shall be there.
    pub before: Power,
    pub after: Power,
    /// For a guest that begins anew.
    pub admin_pass: Option<String>,
    pub generation: u64,
}

impl State {
    fn is_evacuation(&self) -> bool {
        self.kind == MigrationKind::Evacuation
    }

    fn task(&self, task: Task) -> Task {
        if self.is_evacuation() { Task::Rebuilding } else { task }
    }
}

impl Flow for MoveServer {
    const KIND: &'static str = "compute.move_server";
    type State = State;

    fn steps() -> Vec<Step<Self>> {
        vec![
            Step::new("place", Self::place).undo(Self::unplace),
            Step::new("stop", Self::stop).undo(Self::unstop).within(LONG, LONG),
            Step::new("copy", Self::copy).undo(Self::uncopy).within(LONG, LONG),
            Step::new("switch", Self::switch).undo(Self::unswitch).within(LONG, LONG),
            Step::new("run", Self::run).within(LONG, LONG),
        ]
    }

    /// A server whose host is gone is of no use there.
    fn failed(&self, tx: &mut Tx, state: &State, why: &str, now: Timestamp) -> Result<()> {
        given_up(&self.0, tx, &state.server, &state.action, why, now, |s| {
            if state.is_evacuation() {
                s.state = ServerState::Error;
            }
        })
    }
}

impl MoveServer {
    async fn place(self: Arc<Self>, cx: StepCx, _state: State) -> StepResult<Self> {
        let (c, now) = (self.0.clone(), cx.now());
        Ok(Commit::with(move |tx, state: &mut State| {
            let server = guest::server(tx, &state.server)?;
            let resize = resize_of(&server)?;
            let request = request(tx, state, &server, &resize, c.roster());
            let claim = claims::claim_another(&c, tx, &server, &resize.migration, &request, now)?;
            note(tx, &resize.migration, MigrationStatus::Migrating, now);
            tx.update::<Server>(&state.server, |s| {
                if let Some(resize) = &mut s.resize {
                    resize.dest = Some(claim.host);
                    resize.dest_zone = Some(claim.availability_zone);
                    resize.new.cells = claim.cells;
                    if resize.is_in_place() {
                        resize.new = resize.new.clone().renamed();
                    }
                }
                s.task = working(s, state.task(Task::ResizeMigrating));
            });
            Ok(())
        }))
    }

    async fn unplace(self: Arc<Self>, cx: StepCx, _state: State) -> StepResult<Self> {
        let (c, now) = (self.0.clone(), cx.now());
        Ok(Commit::with(move |tx, state: &mut State| {
            let server = guest::server(tx, &state.server)?;
            claims::take_back(&c, tx, &server, &resize_of(&server)?.migration, now)?;
            tx.update::<Server>(&state.server, |s| {
                s.resize.iter_mut().for_each(|r| r.dest = None);
                s.task = working(s, state.task(Task::ResizePrep));
            });
            Ok(())
        }))
    }

    /// A host that is down stops nothing.
    async fn stop(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        if !state.is_evacuation() {
            stop(&cx, &state.server).await?;
        }
        Ok(Commit::nothing())
    }

    async fn unstop(self: Arc<Self>, _cx: StepCx, _state: State) -> StepResult<Self> {
        Ok(Commit::with(move |tx, state: &mut State| {
            unstop(tx, &state.server, state.before);
            Ok(())
        }))
    }

    /// The source keeps its own.
    async fn copy(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        if state.is_evacuation() {
            return Ok(Commit::nothing());
        }
        let resize = resize_before(&cx, &state.server)?;
        let dest = dest_of(&resize)?;
        if !resize.is_in_place() {
            let (id, dest) = (state.server.clone(), dest.clone());
            guest::fenced(&cx, "compute.guest.arrive", move |tx| {
                spare::announce(tx, &id, &dest);
                Ok(())
            })
            .await?;
        }
        let carry = self.carry(&state.server, &resize, &dest);
        tokio::select! {
            done = carry => done?,
            () = cx.cancelled() => return Err(StepError::Failed(Error::conflict("the operation was cancelled"))),
        }
        let now = cx.now();
        Ok(Commit::with(move |tx, state: &mut State| {
            note(tx, &resize.migration, MigrationStatus::PostMigrating, now);
            tx.update::<Server>(&state.server, |s| s.task = working(s, Task::ResizeMigrated));
            Ok(())
        }))
    }

    async fn carry(&self, server: &ServerId, resize: &Resize, dest: &HostName) -> Result<()> {
        for new in resize.new.disks.iter().filter(|d| !d.fresh) {
            // One that the server has not had is made where it is to be.
            let Some(old) = resize.old.disks.iter().find(|d| d.device == new.device) else { continue };
            let (name, size_bytes) = (new.name.clone(), new.size_mib * 1024 * 1024);
            let disk = LocalDiskSpec { server: server.clone(), name, size_bytes, base: None };
            let from = json!({"server": server, "name": old.name});
            let from = Call { host: &resize.source, method: "disk.send", params: from };
            let to = Call { host: dest, method: "disk.receive", params: json!({"disk": disk}) };
            self.0.hosts.join(from, to, LONG).await?;
        }
        Ok(())
    }

    /// What had come already goes.
    async fn uncopy(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        let Ok(resize) = resize_before(&cx, &state.server) else { return Ok(Commit::nothing()) };
        let Some(dest) = resize.dest.clone().filter(|_| !state.is_evacuation()) else { return Ok(Commit::nothing()) };
        let id = state.server.clone();
        if resize.is_in_place() {
            // A host that carries an intent out keeps no disks beside those that are named.
            let anew = guest::fenced(&cx, "compute.guest.alone", move |tx| Ok(guest::change_intent(tx, &id, |_| {})));
            if let Some(generation) = anew.await? {
                guest::wait(&cx, &state.server, |snapshot| guest::said(snapshot, &state.server, generation)).await;
            }
            return Ok(Commit::nothing());
        }
        let host = dest.clone();
        guest::fenced(&cx, "compute.guest.leave", move |tx| Ok(spare::drop_from(tx, &id, &host))).await?;
        let gone = spare::gone_from(&self.0, &cx, &state.server, &dest).await?;
        Ok(Commit::with(move |tx, state: &mut State| {
            if gone == guest::Removed::Yes {
                spare::forget(tx, &state.server, &dest);
            }
            Ok(())
        }))
    }

    async fn switch(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        let (c, id, now) = (self.0.clone(), state.server.clone(), cx.now());
        let service = c.clone();
        let crossed = guest::fenced(&cx, "compute.server.switch", move |tx| {
            let resize = resize_of(&*guest::server(tx, &id)?)?;
            go_to(&service, tx, &id, (&resize.source, &dest_of(&resize)?), resize.dest_zone.clone(), now)?;
            Ok((guest::server(tx, &id)?, resize))
        });
        let (server, resize) = crossed.await?;
        if state.is_evacuation() {
            spare::gone_or_away(&c, &cx, &state.server, &resize.source).await;
        }
        let connected = match resize.is_in_place() {
            true => None,
            false => Some(follow(&c, &server, &dest_of(&resize)?).await?),
        };
        let image = server.image.as_ref().filter(|_| state.is_evacuation());
        let image = image.and_then(|id| c.images.info(&cx.snapshot(), id));
        Ok(Commit::with(move |tx, state: &mut State| {
            let server = guest::server(tx, &state.server)?;
            spare::without_volumes(tx, &state.server, &resize.source);
            let settling = Settling {
                power: state.after,
                connected: connected.as_deref(),
                kept: if resize.is_in_place() { resize.old.names() } else { Vec::new() },
                image: image.as_ref(),
                admin_pass: state.admin_pass.clone(),
            };
            state.generation = settle_on(&c, tx, &resize.new.on(&server), settling)?;
            tx.update::<Server>(&state.server, |s| s.task = working(s, state.task(Task::ResizeFinish)));
            Ok(())
        }))
    }

    async fn unswitch(self: Arc<Self>, cx: StepCx, _state: State) -> StepResult<Self> {
        let (c, now) = (self.0.clone(), cx.now());
        let (resize, connected) = come_back(&c, &cx, &_state.server, now).await?;
        Ok(Commit::with(move |tx, state: &mut State| {
            let server = guest::server(tx, &state.server)?;
            if let Some(dest) = resize.dest.as_ref().filter(|_| !resize.is_in_place()) {
                spare::drop_from(tx, &state.server, dest);
            }
            let settling = Settling::back(Power::Stopped, connected.as_deref());
            settle_on(&c, tx, &resize.old.on(&server), settling).map(drop)
        }))
    }

    async fn run(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        let (c, id, generation) = (self.0.clone(), state.server.clone(), state.generation);
        let wants_on = state.after == Power::Running;
        let is_there = |seen: &VmObserved| !wants_on || seen.state != VmState::Absent;
        let seen = guest::done(&cx, &id, generation, is_there).await?;
        let now = cx.now();
        Ok(Commit::with(move |tx, state: &mut State| finish(&c, tx, state, &seen, now)))
    }
}

/// The host that a server was forced to when it was made is forgotten, as in Nova; its zone, group and hints are not.
fn request(tx: &mut Tx, state: &State, server: &Server, resize: &Resize, roster: Roster) -> PlaceRequest {
    // A host that has not given up yet what it once had of the server would take what comes for that.
    let mut not = spare::hosts(tx, &server.id);
    if !state.may_stay {
        not.push(resize.source.clone());
    }
    let free = Server { forced_host: None, ..resize.new.on(server) };
    let mut request = place_request(tx, &free, &not, roster);
    if let Some(host) = &state.only {
        request.only_hosts = vec![host.clone()];
    } else if state.may_stay && request.same_as.is_empty() && request.different_from.is_empty() {
        // Where it is, nothing has to be carried.
        (request.same_as, request.soft) = (vec![resize.source.clone()], true);
    }
    request
}

fn finish(c: &Compute, tx: &mut Tx, state: &State, seen: &VmObserved, now: Timestamp) -> Result<()> {
    let server = guest::server(tx, &state.server)?;
    let resize = resize_of(&server)?;
    arrived(c, tx, &server)?;
    let reach = if state.after == Power::Running { ServerState::Active } else { ServerState::Stopped };
    let status = if state.is_evacuation() { MigrationStatus::Done } else { MigrationStatus::Finished };
    note(tx, &resize.migration, status, now);
    guest::conclude(tx, &state.server, now, |s| {
        *s = resize.new.on(s);
        reached(s, reach, seen, now);
        s.launched = Some(now);
        if state.is_evacuation() {
            s.resize = None;
        } else {
            s.state = ServerState::Resized;
        }
    });
    if state.is_evacuation() {
        // Its claim goes with it, when the host is back and has said so.
        spare::drop_from(tx, &state.server, &resize.source);
    }
    state.action.finish(tx, Some(&seen.host), None, now)
}

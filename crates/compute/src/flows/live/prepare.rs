//! What must be there before a guest can come: ports, volumes, disks, and a process that waits.

use super::{LiveMigrate, NETWORK, State};
use crate::{
    Compute,
    driver::VmState,
    flows::{
        guest::{self, Removed, Said},
        moving::{note, spare},
    },
    model::{
        hardware,
        migration::MigrationStatus,
        vm::{Power, VmIntent},
    },
};
use flow::{Commit, StepCx, StepError, StepResult};
use kernel::{Error, HostName, PortId, Result};
use ports::{ConnectedVolume, network::Crossing};
use std::sync::Arc;
use store::Tx;

impl LiveMigrate {
    pub(super) async fn prepare(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        let (c, dest) = (self.0.clone(), state.dest()?);
        let (service, id, host) = (c.clone(), state.server.clone(), dest.clone());
        let server = guest::fenced(&cx, "compute.live.await", move |tx| {
            service.ports.cross(tx, &id, &host, Crossing::Await)?;
            guest::server(tx, &id)
        });
        let server = server.await?;
        let ports: Vec<PortId> = server.nics.iter().map(|n| n.plan.port.clone()).collect();
        let (connected, ready) =
            tokio::join!(guest::connect_volumes(&c, &server, &dest), c.ports.wait_ready(&ports, NETWORK));
        // What is done may be done again, and is undone only when the step counts as tried.
        let connected = connected.and_then(|all| ready.map(|()| all)).map_err(StepError::Retry)?;
        let (wanted, service) = (state.clone(), c.clone());
        let announced =
            guest::fenced(&cx, "compute.live.announce", move |tx| announce(&service, tx, &wanted, &connected));
        let generation = announced.await?;
        self.awaited(&cx, &state, &dest, generation).await?;
        let now = cx.now();
        Ok(Commit::with(move |tx, state: &mut State| {
            note(tx, &state.migration, MigrationStatus::Running, now);
            Ok(())
        }))
    }

    /// Until the other host waits for the guest.
    async fn awaited(
        &self,
        cx: &StepCx,
        state: &State,
        dest: &HostName,
        generation: u64,
    ) -> std::result::Result<(), StepError> {
        let key = VmIntent::spare_key(&state.server, dest);
        let said = guest::wait_or_cancel(cx, &state.server, |snapshot| {
            guest::said_of(snapshot, &key, generation).filter(|said| match said {
                Said::Done(seen) => seen.state == VmState::Arriving,
                Said::Refused(_) => true,
            })
        });
        // Something of it is there: this step is undone, too.
        match said.await.map_err(again)? {
            Said::Done(_) => Ok(()),
            // It will not come to wait: nothing is left there, and the guest stays.
            Said::Refused(why) => {
                self.withdraw(cx, state, dest).await?;
                Err(StepError::Failed(Error::conflict(why)))
            }
        }
    }

    pub(super) async fn give_up(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        if state.stays {
            return Ok(Commit::nothing());
        }
        self.withdraw(&cx, &state, &state.dest()?).await?;
        Ok(Commit::nothing())
    }

    /// Nothing is made ready on the other host any more, and nothing is left of it; what a host that is away has goes when it is back.
    async fn withdraw(&self, cx: &StepCx, state: &State, dest: &HostName) -> std::result::Result<(), StepError> {
        let (c, id, host) = (self.0.clone(), state.server.clone(), dest.clone());
        let dropped = guest::fenced(cx, "compute.live.give_up", move |tx| {
            spare::drop_from(tx, &id, &host);
            c.ports.cross(tx, &id, &host, Crossing::GiveUp)?;
            guest::server(tx, &id)
        });
        let server = dropped.await?;
        let gone = spare::gone_from(&self.0, cx, &state.server, dest).await?;
        guest::connect_volumes(&self.0, &server, &state.source).await.map_err(StepError::Retry)?;
        let (id, host) = (state.server.clone(), dest.clone());
        let forgotten = guest::fenced(cx, "compute.live.given_up", move |tx| {
            if gone == Removed::Yes {
                spare::forget(tx, &id, &host);
            }
            Ok(())
        });
        forgotten.await
    }
}

pub(super) fn again(error: StepError) -> StepError {
    match error {
        StepError::Failed(e) | StepError::Retry(e) => StepError::Retry(e),
    }
}

/// Tells the other host; the generation of that.
fn announce(c: &Compute, tx: &mut Tx, state: &State, connected: &[ConnectedVolume]) -> Result<u64> {
    let dest = state.dest()?;
    if let Some(there) = spare::get(tx, &state.server, &dest).filter(|i| i.power == Power::Arriving) {
        return Ok(there.generation);
    }
    let server = guest::server(tx, &state.server)?;
    let main = tx.get::<VmIntent>(&state.server).ok_or_else(|| Error::conflict("the server is on no host"))?;
    let mut arriving = VmIntent::clone(&main);
    arriving.from = Some(state.source.clone());
    arriving.spec.cells.clone_from(&state.cells);
    arriving.volumes = connected.iter().filter_map(|v| hardware::volume(&server, v)).collect();
    let bound = c.ports.bound(tx.view(), &state.server);
    arriving.ports = bound.into_iter().filter_map(|b| hardware::port(&server, b)).collect();
    // Disks come as they are, whatever they were once made of.
    arriving.local_disks.iter_mut().filter(|d| d.size_bytes > 0).for_each(|d| d.base = None);
    Ok(spare::put(tx, &arriving, &dest, Power::Arriving))
}

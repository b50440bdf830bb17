//! What other services get: `ports::Servers`.

use crate::{
    driver::VmState,
    flows::guest::change_intent,
    model::{
        Server,
        action::{Action, Verb},
        vm::{Power, VmIntent, VmObserved},
    },
};
use kernel::{Error, HostName, Result, ServerId, Timestamp, ids::RequestId};
use ports::{RunningGuest, ServerInfo, Servers, VolumeGrown, VolumeMoved};
use store::{Snapshot, Tx};

/// What others may know of servers, and tell of them: all of it is in the store, so it needs nothing else.
pub struct KnownServers;

/// Among a server's actions, in its owner's name. `Ok` for a server that is gone.
fn acted(
    tx: &mut Tx,
    (server, host): (&ServerId, &HostName),
    verb: Verb,
    (request_id, start): (&RequestId, Timestamp),
    error: Option<&str>,
    now: Timestamp,
) -> Result<()> {
    let Some(of) = tx.get::<Server>(server) else { return Ok(()) };
    let action = Action {
        server: server.clone(),
        verb,
        request_id: request_id.clone(),
        user: Some(of.user.clone()),
        project: of.project.clone(),
        start,
        end: None,
    };
    action.finish(tx, Some(host), error, now)
}

/// The guest, if nothing but it is at work.
fn running(server: Option<&Server>, intent: Option<&VmIntent>, seen: Option<&VmObserved>) -> Result<RunningGuest> {
    let off = || Error::conflict("the server that has the volume does not run");
    let (server, intent) = server.zip(intent).ok_or_else(off)?;
    if let Some(task) = server.task {
        return Err(Error::unavailable(format!("server {} is {} now", server.id, task.as_str())));
    }
    if !matches!(intent.power, Power::Running | Power::Paused) {
        return Err(off());
    }
    let seen = seen.filter(|o| o.generation >= intent.generation && o.host == intent.host);
    let seen = seen.ok_or_else(|| Error::unavailable(format!("server {} is being changed", server.id)))?;
    if !matches!(seen.state, VmState::Running | VmState::Paused) {
        return Err(off());
    }
    Ok(RunningGuest { host: intent.host.clone(), generation: intent.generation })
}

impl Servers for KnownServers {
    fn server(&self, snapshot: &Snapshot, id: &ServerId) -> Option<ServerInfo> {
        let server = snapshot.get::<Server>(id)?;
        Some(ServerInfo {
            id: server.id.clone(),
            name: server.name.clone(),
            project: server.project.clone(),
            host: server.host.clone(),
        })
    }

    fn volume_grown(&self, tx: &mut Tx, grown: &VolumeGrown, now: Timestamp) -> Result<()> {
        let (of, asked) = ((&grown.server, &grown.host), (&grown.request_id, grown.began));
        acted(tx, of, Verb::ExtendVolume, asked, grown.error.as_deref(), now)
    }

    fn running(&self, snapshot: &Snapshot, id: &ServerId) -> Result<RunningGuest> {
        let (server, intent) = (snapshot.get::<Server>(id), snapshot.get::<VmIntent>(id));
        running(server.as_deref(), intent.as_deref(), snapshot.get::<VmObserved>(id).as_deref())
    }

    fn volume_moved(&self, tx: &mut Tx, guest: &RunningGuest, moved: &VolumeMoved, now: Timestamp) -> Result<u64> {
        let id = &moved.server;
        let (server, intent) = (tx.get::<Server>(id), tx.get::<VmIntent>(id));
        let known = running(server.as_deref(), intent.as_deref(), tx.get::<VmObserved>(id).as_deref());
        let changed = || Error::unavailable(format!("server {id} has changed meanwhile"));
        if !known.is_ok_and(|known| known == *guest) {
            return Err(changed());
        }
        let generation = change_intent(tx, id, |intent| {
            let volume = intent.volumes.iter_mut().find(|v| v.volume == moved.volume);
            volume.into_iter().for_each(|v| v.target = moved.to.clone());
        });
        let (of, asked) = ((id, &guest.host), (&moved.request_id, moved.began));
        acted(tx, of, Verb::SwapVolume, asked, None, now)?;
        generation.ok_or_else(changed)
    }
}

//! What other services get: `ports::Servers`.

use crate::{
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
    if !seen.state.is_on() {
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
            volume.into_iter().for_each(|v| (v.target, v.io) = (moved.to.clone(), moved.limits));
        });
        let (of, asked) = ((id, &guest.host), (&moved.request_id, moved.began));
        acted(tx, of, Verb::SwapVolume, asked, None, now)?;
        generation.ok_or_else(changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        driver::{DiskBus, IoLimits, VmState},
        model::{Task, vm::VmVolume},
        testkit::{intent, observed, server},
    };
    use kernel::Kind;
    use ports::{VolumeEncryption, VolumeTarget};
    use store::{Schema, Store};

    #[test]
    fn volumes_move_under_guests_that_run_and_that_nobody_else_changes() {
        type Change = fn(&mut Server, &mut VmIntent, &mut VmObserved);
        let check = |change: Change, expect: Result<u64, Kind>| {
            let (mut of, mut wanted, mut seen) =
                (server("s"), intent("s", "h", 3), observed("s", "h", 3, VmState::Running));
            change(&mut of, &mut wanted, &mut seen);
            let found = running(Some(&of), Some(&wanted), Some(&seen));
            assert_eq!(found.map(|guest| guest.generation).map_err(|e| e.kind()), expect);
        };
        check(|_, _, _| (), Ok(3));
        check(|_, i, o| (i.power, o.state) = (Power::Paused, VmState::Paused), Ok(3));
        check(|s, _, _| s.task = Some(Task::Migrating), Err(Kind::Unavailable));
        check(|_, i, _| i.generation = 4, Err(Kind::Unavailable));
        check(|_, i, _| i.host = "other".into(), Err(Kind::Unavailable));
        check(|_, i, _| i.power = Power::Stopped, Err(Kind::Conflict));
        check(|_, _, o| o.state = VmState::Crashed, Err(Kind::Conflict));
        assert!(running(None, None, None).is_err_and(|e| e.is(Kind::Conflict)));
    }

    fn target(export: &str) -> VolumeTarget {
        VolumeTarget::Fake { export: export.into() }
    }

    /// The intent names the new place, in a generation of its own, and only if nobody else has changed it since.
    #[tokio::test]
    async fn a_volume_that_has_moved_is_where_the_intent_says() {
        let store = Store::in_memory(crate::schema(Schema::new())).await;
        let volume = VmVolume {
            volume: "v".into(),
            target: target("old"),
            read_only: false,
            slot: 1,
            boot_index: None,
            io: IoLimits::default(),
            bus: DiskBus::Virtio,
            encryption: VolumeEncryption::None,
            tag: None,
        };
        let put = store.transact("test", move |tx| {
            tx.put(server("s"));
            tx.put(VmIntent { volumes: vec![volume.clone()], ..intent("s", "h", 3) });
            tx.put(observed("s", "h", 3, VmState::Running));
            Ok(())
        });
        put.await.unwrap();
        let guest = KnownServers.running(&store.snapshot(), &"s".into()).unwrap();
        let moved = VolumeMoved {
            server: "s".into(),
            volume: "v".into(),
            to: target("new"),
            limits: IoLimits { total_iops_sec: Some(500), ..IoLimits::default() },
            request_id: RequestId::new(),
            began: Timestamp::default(),
        };
        let (found, told, limits) = (guest.clone(), moved.clone(), moved.limits);
        let write = move |tx: &mut Tx| KnownServers.volume_moved(tx, &found, &told, Timestamp::default());
        assert_eq!(store.transact("test", write).await.unwrap(), 4);
        let wanted = store.snapshot().get::<VmIntent>("s").unwrap();
        assert_eq!((wanted.generation, &wanted.volumes[0].target), (4, &target("new")));
        assert_eq!(wanted.volumes[0].io, limits, "in the same generation");
        let again = move |tx: &mut Tx| KnownServers.volume_moved(tx, &guest, &moved, Timestamp::default());
        assert!(store.transact("test", again).await.is_err_and(|e| e.is(Kind::Unavailable)));
        assert_eq!(store.snapshot().get::<VmIntent>("s").unwrap().generation, 4, "nothing was written");
    }
}

use crate::{
    Compute,
    model::{
        ComputeHost, Migration, Server,
        maintenance::{Fate, Phase, fate},
        vm::VmIntent,
    },
};
use kernel::{HostName, ServerId, Timestamp};
use policy::Permit;
use store::Snapshot;

/// A host as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostView {
    pub name: HostName,
    pub disabled: bool,
    pub reason: Option<String>,
    /// In which phase of maintenance, and since when.
    pub maintenance: Option<(Phase, Timestamp)>,
    /// Servers on it.
    pub servers: usize,
    /// Servers that went elsewhere for the maintenance.
    pub gone: usize,
    /// Of a host that is drained: what is still there, and why if it does not go by itself.
    pub left: Vec<Left>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    pub server: ServerId,
    pub why: Option<String>,
}

impl Compute {
    /// All hosts, by name.
    pub fn host_views(&self, _permit: &Permit) -> Vec<HostView> {
        let snapshot = self.store.snapshot();
        snapshot.all::<ComputeHost>().map(|host| self.host_view(&snapshot, &host)).collect()
    }

    pub(super) fn host_view(&self, snapshot: &Snapshot, host: &ComputeHost) -> HostView {
        let draining = host.maintenance.as_ref().is_some_and(|m| m.phase == Phase::Draining);
        let away = |id: &&ServerId| snapshot.get::<Server>(id).is_some_and(|s| s.host.as_ref() != Some(&host.name));
        HostView {
            name: host.name.clone(),
            disabled: host.disabled,
            reason: host.disabled_reason.clone(),
            maintenance: host.maintenance.as_ref().map(|m| (m.phase, m.since)),
            servers: snapshot.keys_by(Server::BY_HOST, &host.name).count(),
            gone: host.maintenance.iter().flat_map(|m| &m.gone).filter(away).count(),
            left: if draining { left(snapshot, &host.name, self.clock.now()) } else { Vec::new() },
        }
    }
}

/// Servers that are there, and those whose disks are, since a resize waits for its owner's word.
fn left(snapshot: &Snapshot, host: &HostName, now: Timestamp) -> Vec<Left> {
    let on_it = snapshot.by(Server::BY_HOST, host).map(|server| {
        let why = match fate(&server, newest(snapshot, &server.id).as_deref(), host, now) {
            Fate::Waits(why) => Some(why),
            Fate::Live | Fate::Cold | Fate::Confirm | Fate::Busy => None,
        };
        Left { server: server.id.clone(), why }
    });
    let kept = snapshot.by(VmIntent::BY_HOST, host).filter(|intent| intent.spare);
    let waiting = |id: &ServerId| snapshot.get::<Server>(id).is_some_and(|s| s.task.is_none());
    let kept = kept.filter(|intent| waiting(&intent.server)).map(|intent| Left {
        server: intent.server.clone(),
        why: Some("its disks stay until its resize is confirmed or reverted".into()),
    });
    on_it.chain(kept).collect()
}

/// The newest move of a server.
pub(crate) fn newest(snapshot: &Snapshot, server: &str) -> Option<std::sync::Arc<Migration>> {
    snapshot.by(Migration::BY_SERVER, server).max_by_key(|m| m.number)
}

//! Hosts in maintenance: sends their servers elsewhere, a few at a time, and brings them back when the host is in service again.
//!
//! Each look begins what [`fate`] says of each server, in a transaction of its own that looks again; who carries it out are the
//! flows of moving, with their own ways back. Nothing is remembered here: two of these at work do no harm, and after a restart the
//! next look goes on. A server that was begun with is in the host's record in the same transaction, so that it comes back.

use super::moving::confirm;
use crate::{
    Compute,
    model::{
        ComputeHost, Maintenance, Migration, Server,
        action::{Action, Verb},
        maintenance::{Fate, Phase, fate, is_failure},
    },
    ops::{
        maintenance::newest,
        servers::{begin_cold, begin_live},
    },
};
use async_trait::async_trait;
use flow::Reconciler;
use kernel::{Ctx, HostName, Result, ServerId, ids::uuid_dashed};
use std::{sync::Arc, time::Duration};
use store::{Batch, Snapshot, Tx};

/// Servers of one host that move at a time.
const AT_ONCE: usize = 2;

pub struct Drain(pub Compute);

#[async_trait]
impl Reconciler for Drain {
    fn name(&self) -> &'static str {
        "compute.drain"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(15)
    }

    /// A move that ended makes room for the next.
    fn wants(&self, batch: &Batch) -> bool {
        batch.of::<ComputeHost>().next().is_some() || batch.of::<Migration>().next().is_some()
    }

    async fn reconcile(&self) -> Result<()> {
        let snapshot = self.0.store.snapshot();
        let hosts = snapshot.all::<ComputeHost>().filter_map(|h| Some((h.name.clone(), h.maintenance.clone()?)));
        for (host, maintenance) in hosts.collect::<Vec<_>>() {
            match maintenance.phase {
                Phase::Draining => self.drain(&snapshot, &host, &maintenance).await?,
                Phase::Returning => self.bring_back(&snapshot, &host, &maintenance).await?,
            }
        }
        Ok(())
    }
}

impl Drain {
    async fn drain(&self, snapshot: &Snapshot, host: &HostName, maintenance: &Maintenance) -> Result<()> {
        let on_it: Vec<Arc<Server>> = snapshot.by(Server::BY_HOST, host).collect();
        let mut room = AT_ONCE.saturating_sub(on_it.iter().filter(|s| s.task.is_some()).count());
        // Those that went cold are to stay where they are now.
        let sent = maintenance.gone.iter().filter_map(|id| snapshot.get::<Server>(id));
        for server in sent.filter(|s| s.host.as_ref() != Some(host)) {
            self.step(&server.id, host, Way::Off).await?;
        }
        for server in on_it {
            if room == 0 {
                break;
            }
            room -= usize::from(self.step(&server.id, host, Way::Off).await?);
        }
        Ok(())
    }

    async fn bring_back(&self, snapshot: &Snapshot, host: &HostName, maintenance: &Maintenance) -> Result<()> {
        let servers = maintenance.gone.iter().filter_map(|id| snapshot.get::<Server>(id));
        let mut room = AT_ONCE.saturating_sub(servers.filter(|s| s.task.is_some()).count());
        for id in &maintenance.gone {
            if settled(snapshot, id, host, maintenance) {
                self.forget(host, id).await?;
            } else if room > 0 {
                room -= usize::from(self.step(id, host, Way::Back).await?);
            }
        }
        Ok(())
    }

    /// One server's next step, if there is one. True if it moves now. A refusal is the server's own matter: the others go on.
    async fn step(&self, id: &ServerId, host: &HostName, way: Way) -> Result<bool> {
        let (c, id, host) = (self.0.clone(), id.clone(), host.clone());
        let cx = Ctx::internal(Arc::clone(&c.clock), Arc::new(()));
        let migration = uuid_dashed().to_string();
        let (of, at) = (id.clone(), host.clone());
        let begun =
            self.0.store.transact("compute.host.drain", move |tx| begin(&c, &cx, tx, &of, &at, way, &migration));
        begun.await.or_else(|e| {
            tracing::warn!(server = %id, %host, error = %e.internal_text(), "a server does not leave a host in maintenance yet");
            Ok(false)
        })
    }

    async fn forget(&self, host: &HostName, id: &ServerId) -> Result<()> {
        let (host, id) = (host.clone(), id.clone());
        let forget = move |tx: &mut Tx| {
            tx.update::<ComputeHost>(&host, |h| {
                if let Some(m) = &mut h.maintenance {
                    m.gone.remove(&id);
                }
                h.maintenance = h.maintenance.take().filter(|m| m.phase == Phase::Draining || !m.gone.is_empty());
            });
            Ok(())
        };
        self.0.store.transact("compute.host.returned", forget).await
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Off,
    Back,
}

/// It is back, or gone for good, or could not be brought back.
fn settled(snapshot: &Snapshot, id: &ServerId, host: &HostName, maintenance: &Maintenance) -> bool {
    let Some(server) = snapshot.get::<Server>(id) else { return true };
    if server.task.is_some() || server.resize.is_some() {
        return false;
    }
    let failed = |m: Arc<Migration>| is_failure(m.status) && m.created >= maintenance.since;
    server.host.as_ref() == Some(host) || server.host.is_none() || newest(snapshot, id).is_some_and(failed)
}

fn begin(
    c: &Compute,
    cx: &Ctx,
    tx: &mut Tx,
    id: &ServerId,
    host: &HostName,
    way: Way,
    migration: &str,
) -> Result<bool> {
    let Some(server) = tx.get::<Server>(id) else { return Ok(false) };
    let Some(from) = server.host.clone() else { return Ok(false) };
    let last = newest(&tx.view().clone(), id);
    let leaves = (way == Way::Off) == (from == *host);
    let only = (way == Way::Back).then(|| host.clone());
    match fate(&server, last.as_deref(), &from, cx.now()) {
        Fate::Confirm => {
            let action = Action::asked(cx, id, &server.project, Verb::ConfirmResize);
            confirm::begin(c, tx, &server, action, cx.now())?;
            return Ok(false);
        }
        Fate::Live if leaves => begin_live(c, cx, tx, &server, only.as_ref(), migration)?,
        Fate::Cold if leaves => begin_cold(c, cx, tx, &server, only, migration)?,
        Fate::Live | Fate::Cold | Fate::Busy | Fate::Waits(_) => return Ok(false),
    }
    if way == Way::Off {
        let id = id.clone();
        tx.update::<ComputeHost>(host, |h| h.maintenance.iter_mut().for_each(|m| m.gone.extend([id.clone()])));
    }
    Ok(true)
}

//! Servers that wait, and for how long they may: resized ones for their owner's word, shelved ones on their host.

use super::{moving::confirm, shelve::begin_offload};
use crate::{
    Compute,
    model::{
        Migration, Server, ServerState,
        action::{Action, Verb},
        shape::Way,
        vm::{Power, VmIntent},
    },
};
use async_trait::async_trait;
use flow::Reconciler;
use kernel::{Result, ServerId, Timestamp, ids::RequestId};
use std::time::Duration;
use store::{Batch, Snapshot, Tx};

pub struct WhatWaits(pub Compute);

/// What is done by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    Confirm,
    Offload,
}

#[async_trait]
impl Reconciler for WhatWaits {
    fn name(&self) -> &'static str {
        "compute.what_waits"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(30)
    }

    /// Time alone makes something due.
    fn wants(&self, _: &Batch) -> bool {
        false
    }

    async fn reconcile(&self) -> Result<()> {
        let (snapshot, now) = (self.0.store.snapshot(), self.0.clock.now());
        let due = |server: &Server| due(&self.0, &snapshot, server, now).is_some();
        let waiting: Vec<ServerId> = snapshot.all::<Server>().filter(|s| due(s)).map(|s| s.id.clone()).collect();
        for id in waiting {
            let c = self.0.clone();
            self.0.store.transact("compute.server.due", move |tx| begin(&c, tx, &id, now)).await?;
        }
        Ok(())
    }
}

fn due(c: &Compute, snapshot: &Snapshot, server: &Server, now: Timestamp) -> Option<Due> {
    let over = |since: Timestamp, seconds: u64| now.since(since) >= Duration::from_secs(seconds);
    match (server.state, server.task) {
        (ServerState::Resized, None) => {
            let resize = server.resize.as_ref().filter(|r| r.way == Way::There)?;
            let since = snapshot.get::<Migration>(&resize.migration)?.updated?;
            let seconds = c.config.resize_confirm_seconds;
            let reachable = resize.is_in_place() || c.hosts.is_connected(&resize.source);
            (seconds > 0 && reachable && over(since, seconds)).then_some(Due::Confirm)
        }
        (ServerState::Shelved, None) => {
            let half_gone = snapshot.get::<VmIntent>(&server.id).is_none_or(|i| i.power == Power::Absent);
            let late = c
                .config
                .shelved_offload_seconds
                .zip(server.shelved)
                .is_some_and(|(seconds, since)| over(since, seconds));
            (half_gone || late).then_some(Due::Offload)
        }
        _ => None,
    }
}

fn begin(c: &Compute, tx: &mut Tx, id: &ServerId, now: Timestamp) -> Result<()> {
    let Some(server) = tx.get::<Server>(id) else { return Ok(()) };
    let Some(due) = due(c, &tx.view().clone(), &server, now) else { return Ok(()) };
    let action = |verb| Action {
        server: id.clone(),
        verb,
        request_id: RequestId::new(),
        user: None,
        project: server.project.clone(),
        start: now,
        end: None,
    };
    match due {
        Due::Confirm => confirm::begin(c, tx, &server, action(Verb::ConfirmResize), now),
        Due::Offload => {
            let action = action(Verb::ShelveOffload);
            action.begin(tx)?;
            begin_offload(c, tx, &server, action, now)
        }
    }
}

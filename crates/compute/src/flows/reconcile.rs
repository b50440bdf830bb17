//! What must hold although nobody asks: servers are what their guests are, and leftovers go.
//!
//! Observations change servers in the transaction that brings them ([`crate::ops::hosts`]); this looks again now and then
//! at what could have been missed, and removes what has served its time: intents `Absent` of servers that were deleted
//! while their host was away, once the host has said that nothing is left, and console tokens that are over.

use super::{guest::follow, moving::claims};
use crate::{
    Compute,
    driver::VmState,
    model::{
        ConsoleToken, Server,
        vm::{Power, VmIntent, VmObserved},
    },
};
use async_trait::async_trait;
use flow::Reconciler;
use kernel::{Result, ServerId};
use std::time::Duration;
use store::{Batch, Object, Snapshot};

/// Servers looked at in one transaction.
const CHUNK: usize = 256;

pub struct Tidy(pub Compute);

#[async_trait]
impl Reconciler for Tidy {
    fn name(&self) -> &'static str {
        "compute.tidy"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(60)
    }

    /// Only what the observing transaction leaves to us: a guest that is gone from a host whose server is gone too.
    fn wants(&self, batch: &Batch) -> bool {
        batch.of::<VmObserved>().any(|c| c.new.is_some_and(|o| o.state == VmState::Absent))
    }

    async fn reconcile(&self) -> Result<()> {
        self.follow_guests().await?;
        self.reap_intents().await?;
        self.reap_tokens().await
    }
}

impl Tidy {
    async fn follow_guests(&self) -> Result<()> {
        let snapshot = self.0.store.snapshot();
        let differing: Vec<ServerId> =
            snapshot.all::<Server>().filter(|s| differs(&snapshot, s)).map(|s| s.id.clone()).collect();
        for chunk in differing.chunks(CHUNK) {
            let (chunk, now) = (chunk.to_vec(), self.0.clock.now());
            let followed = self.0.store.transact("compute.server.follow", move |tx| {
                for id in &chunk {
                    follow(tx, id, now);
                }
                Ok(())
            });
            followed.await?;
        }
        Ok(())
    }

    async fn reap_intents(&self) -> Result<()> {
        let snapshot = self.0.store.snapshot();
        let over: Vec<String> =
            snapshot.all::<VmIntent>().filter(|i| is_over(&snapshot, i)).map(|i| i.key().as_str().to_owned()).collect();
        for id in over {
            let service = self.0.clone();
            let reaped = self.0.store.transact("compute.intent.reap", move |tx| {
                // Looked at again by key: the server may have come back to that host meanwhile.
                let (intent, seen) = (tx.get::<VmIntent>(&id), tx.get::<VmObserved>(&id));
                let serves = intent.as_ref().is_some_and(|i| !i.spare && tx.get::<Server>(&i.server).is_some());
                let Some((intent, _)) = intent.zip(seen).filter(|(i, o)| !serves && gone(i, o)) else { return Ok(()) };
                tx.delete::<VmIntent>(&id);
                tx.delete::<VmObserved>(&id);
                claims::give_up_host(&service, tx, &intent.server, &intent.host)
            });
            reaped.await?;
        }
        Ok(())
    }

    async fn reap_tokens(&self) -> Result<()> {
        let now = self.0.clock.now();
        let over = |t: &std::sync::Arc<ConsoleToken>| t.expires < now;
        let tokens: Vec<_> = self.0.store.snapshot().all().filter(over).map(|t| t.token.clone()).collect();
        for chunk in tokens.chunks(CHUNK) {
            let chunk = chunk.to_vec();
            let reaped = self.0.store.transact("compute.console.reap", move |tx| {
                for token in &chunk {
                    tx.delete::<ConsoleToken>(token);
                }
                Ok(())
            });
            reaped.await?;
        }
        Ok(())
    }
}

fn differs(snapshot: &Snapshot, server: &Server) -> bool {
    let (intent, seen) = (snapshot.get::<VmIntent>(&server.id), snapshot.get::<VmObserved>(&server.id));
    intent.zip(seen).is_some_and(|(intent, seen)| crate::model::power::settle(server, &intent, &seen).is_some())
}

fn is_over(snapshot: &Snapshot, intent: &VmIntent) -> bool {
    (intent.spare || !snapshot.contains::<Server>(&intent.server))
        && snapshot.get::<VmObserved>(intent.key().as_str()).is_some_and(|seen| gone(intent, &seen))
}

fn gone(intent: &VmIntent, seen: &VmObserved) -> bool {
    intent.power == Power::Absent && seen.generation >= intent.generation && seen.state == VmState::Absent
}

//! Deletions in two transactions leave a mark in between. The member that made it goes on at once; should it die, this does.

use crate::{
    Network,
    model::{self, SecurityGroup, Subnet},
    ops,
};
use async_trait::async_trait;
use flow::Reconciler;
use kernel::{Kind, Result};
use std::time::Duration;
use store::Batch;

pub struct FinishDeleting {
    net: Network,
}

impl FinishDeleting {
    pub fn new(net: &Network) -> Self {
        Self { net: net.clone() }
    }
}

#[async_trait]
impl Reconciler for FinishDeleting {
    fn name(&self) -> &'static str {
        "network.finish_deleting"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(5)
    }

    /// Whoever made a mark goes on by itself; a run by the clock is soon enough for what is left.
    fn wants(&self, _batch: &Batch) -> bool {
        false
    }

    async fn reconcile(&self) -> Result<()> {
        let snapshot = self.net.store().snapshot();
        for network in snapshot.all::<model::Network>().filter(|n| n.deleting) {
            settled(ops::network::delete::finish(&self.net, &network.id).await)?;
        }
        for subnet in snapshot.all::<Subnet>().filter(|s| s.deleting) {
            settled(ops::subnet::delete::finish(&self.net, &subnet.id).await)?;
        }
        for group in snapshot.all::<SecurityGroup>().filter(|g| g.deleting) {
            settled(ops::security_group::delete::finish(&self.net, &group.id).await)?;
        }
        Ok(())
    }
}

/// That somebody uses the object after all ends its deletion too.
fn settled(result: Result<()>) -> Result<()> {
    match result {
        Err(e) if e.is(Kind::Conflict) => Ok(()),
        other => other,
    }
}

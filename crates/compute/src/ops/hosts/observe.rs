use crate::{
    Compute,
    flows::guest::follow,
    model::vm::{VmIntent, VmObserved},
};
use kernel::{Result, Timestamp};
use store::Tx;

impl Compute {
    /// Takes a host's observations, in one transaction. Idempotent: what is not newer, or of no server on that host, changes
    /// nothing; what is newer but the same is not written.
    ///
    /// A guest that changed without being asked changes its server here, at once, unless a flow has the server.
    pub async fn observe(&self, observations: Vec<VmObserved>) -> Result<()> {
        let now = self.clock.now();
        let taken = self.store.transact("compute.observe", move |tx| {
            for seen in &observations {
                take(tx, seen, now);
            }
            Ok(())
        });
        taken.await
    }
}

fn take(tx: &mut Tx, seen: &VmObserved, now: Timestamp) {
    let Some(intent) = tx.get::<VmIntent>(&seen.server) else { return };
    if intent.host != seen.host || seen.generation > intent.generation {
        return;
    }
    let before = tx.get::<VmObserved>(&seen.server);
    let news = before.is_none_or(|before| {
        let comes_after = before.host != seen.host || seen.supersedes(&before);
        comes_after && !same(&before, seen)
    });
    if news {
        tx.put(seen.clone());
        follow(tx, &seen.server, now);
    }
}

/// Whether two observations say the same but for number and time.
fn same(a: &VmObserved, b: &VmObserved) -> bool {
    let untimed = |o: &VmObserved| VmObserved { sequence: 0, at: Timestamp::default(), ..o.clone() };
    untimed(a) == untimed(b)
}

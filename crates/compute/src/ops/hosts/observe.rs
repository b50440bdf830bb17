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
    let own = tx.get::<VmIntent>(&seen.server).filter(|i| i.host == seen.host);
    let key = VmIntent::spare_key(&seen.server, &seen.host);
    let Some(intent) = own.or_else(|| tx.get::<VmIntent>(&key)) else { return };
    if seen.generation > intent.generation {
        return;
    }
    let seen = &VmObserved { spare: intent.spare, ..seen.clone() };
    let before = if intent.spare { tx.get::<VmObserved>(&key) } else { tx.get::<VmObserved>(&seen.server) };
    let news = before.is_none_or(|before| {
        let comes_after = before.host != seen.host || seen.supersedes(&before);
        comes_after && !same(&before, seen)
    });
    if news {
        tx.put(seen.clone());
        if !intent.spare {
            follow(tx, &seen.server, now);
        }
    }
}

/// Whether two observations say the same but for number and time.
fn same(a: &VmObserved, b: &VmObserved) -> bool {
    let untimed = |o: &VmObserved| VmObserved { sequence: 0, at: Timestamp::default(), ..o.clone() };
    untimed(a) == untimed(b)
}

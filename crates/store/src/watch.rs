//! Following the log: every revision in order, or one `Reset`.
//!
//! Batches lie in a ring shared by all watchers. One that falls out of the ring, or that comes with a cursor of another
//! epoch, gets `Reset` with a snapshot and goes on from there; it diffs, deletions included. What must be exact (usage, audit,
//! flows) is never derived from a watch.

use crate::{
    Object, Revision, Snapshot, Store,
    object::{Key, Row},
};
use std::{collections::VecDeque, sync::Arc};

/// Batches kept for watchers, and events in them: what was before each of these is in memory as long.
const RING: usize = 4096;
const RING_EVENTS: usize = 8192;

/// What one revision changed.
pub struct Batch {
    pub revision: Revision,
    pub events: Vec<Event>,
}

/// One object's change.
pub struct Event {
    pub kind: &'static str,
    pub key: Key,
    pub(crate) old: Option<Row>,
    pub(crate) new: Option<Row>,
}

/// A typed change; `new` is `None` when the object was deleted.
pub struct Change<T> {
    pub key: Key,
    pub old: Option<Arc<T>>,
    pub new: Option<Arc<T>>,
}

impl Event {
    /// This event as a change of a `T`, if it is one.
    pub fn of<T: Object>(&self) -> Option<Change<T>> {
        (self.kind == T::KIND).then(|| Change {
            key: self.key.clone(),
            old: self.old.as_ref().and_then(Row::typed),
            new: self.new.as_ref().and_then(Row::typed),
        })
    }
}

impl Batch {
    /// The changes of one kind.
    pub fn of<'a, T: Object>(&'a self) -> impl Iterator<Item = Change<T>> + 'a {
        self.events.iter().filter_map(Event::of::<T>)
    }
}

pub enum WatchItem {
    Batch(Arc<Batch>),
    /// Batches were missed: this is how things are now.
    Reset(Snapshot),
}

/// A reader of the log.
pub struct Watch {
    pub(crate) store: Store,
    pub(crate) epoch: u64,
    /// The last revision delivered.
    pub(crate) at: Revision,
    pub(crate) revisions: tokio::sync::watch::Receiver<Revision>,
}

impl Watch {
    /// The next item; waits for one.
    pub async fn next(&mut self) -> WatchItem {
        loop {
            if let Some(item) = self.try_next() {
                return item;
            }
            if self.revisions.changed().await.is_err() {
                // The store is gone, and with it everything that could change.
                std::future::pending::<()>().await;
            }
        }
    }

    /// The next item if there is one already.
    pub fn try_next(&mut self) -> Option<WatchItem> {
        self.revisions.borrow_and_update();
        let snapshot = self.store.snapshot();
        if snapshot.epoch != self.epoch {
            (self.epoch, self.at) = (snapshot.epoch, snapshot.revision);
            return Some(WatchItem::Reset(snapshot));
        }
        if snapshot.revision <= self.at {
            return None;
        }
        match self.store.ring().after(self.at) {
            Some(batch) => {
                self.at = batch.revision;
                Some(WatchItem::Batch(batch))
            }
            None => {
                self.at = snapshot.revision;
                Some(WatchItem::Reset(snapshot))
            }
        }
    }

    pub fn cursor(&self) -> (u64, Revision) {
        (self.epoch, self.at)
    }
}

/// The last batches. `covers_from`: every revision after it is in the ring.
pub(crate) struct Ring {
    batches: VecDeque<Arc<Batch>>,
    events: usize,
    covers_from: Revision,
}

impl Ring {
    pub(crate) fn starting_at(revision: Revision) -> Self {
        Self { batches: VecDeque::new(), events: 0, covers_from: revision }
    }

    pub(crate) fn push(&mut self, batch: Batch) {
        self.events += batch.events.len();
        self.batches.push_back(Arc::new(batch));
        // The newest stays, however large it is.
        while (self.batches.len() > RING || (self.events > RING_EVENTS && self.batches.len() > 1))
            && let Some(gone) = self.batches.pop_front()
        {
            self.events -= gone.events.len();
            self.covers_from = gone.revision;
        }
    }

    /// Whether nothing after a revision is gone.
    fn covers(&self, revision: Revision) -> bool {
        revision >= self.covers_from
    }

    /// The first batch after a revision; `None` if there is none, or batches in between are gone.
    fn after(&self, revision: Revision) -> Option<Arc<Batch>> {
        let at = self.batches.partition_point(|b| b.revision <= revision);
        self.batches.get(at).cloned().filter(|_| self.covers(revision))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_knows_what_it_no_longer_has() {
        let mut ring = Ring::starting_at(10);
        let first_after = |ring: &Ring, revision| ring.after(revision).map(|b| b.revision);
        assert_eq!((first_after(&ring, 9), first_after(&ring, 10)), (None, None));
        assert!(!ring.covers(9) && ring.covers(10));
        let batches = RING as Revision + 5;
        for n in 1..=batches {
            ring.push(Batch { revision: 10 + 2 * n, events: Vec::new() }); // revisions have gaps
        }
        assert!(!ring.covers(19) && ring.covers(20), "the first five are gone");
        assert_eq!(first_after(&ring, 20), Some(22));
        assert_eq!(first_after(&ring, 21), Some(22));
        assert_eq!(first_after(&ring, 10 + 2 * batches), None);
        // Large ones push out more than one; the newest stays.
        let events = |n: usize| {
            let event = || Event { kind: "k", key: "k".into(), old: None, new: None };
            (0..n).map(|_| event()).collect()
        };
        let newest = 10 + 2 * batches;
        ring.push(Batch { revision: newest + 1, events: events(RING_EVENTS) });
        assert!(ring.covers(22), "there is room for all of them");
        ring.push(Batch { revision: newest + 2, events: events(3) });
        assert_eq!(first_after(&ring, newest + 1), Some(newest + 2));
        assert!(ring.covers(newest + 1) && !ring.covers(newest));
        ring.push(Batch { revision: newest + 3, events: events(RING_EVENTS + 1) });
        assert_eq!((first_after(&ring, newest + 2), ring.covers(newest + 1)), (Some(newest + 3), false));
    }
}

//! How PUBLISHED moves: by our own commits, by the watch, and by a load of everything.

use super::{Flight, Runner, follow::Fed, group::Group};
use crate::{
    Revision, Snapshot, Stats,
    backend::{BackendError, Committed, Loaded, RawBatch},
    log::{self, Item},
    object::Written,
    watch::{Batch, Event, Ring},
};
use std::sync::Arc;

impl Runner {
    /// Our group has its revision. Publishes it at once if nothing of another member lies before it.
    pub(super) fn committed(&mut self, group: Group, result: Snapshot, committed: Committed) {
        let Committed { revision, previous } = committed;
        group.written.settle(revision);
        if self.published.revision >= revision {
            // The watch was faster; what HEAD holds of the group may be older than what PUBLISHED has.
            group.deliver();
            self.rebase();
        } else if previous == Some(self.published.revision) {
            let events = self.take_over(&group, result);
            self.publish(revision, events);
            group.deliver();
        } else {
            self.flight = Flight::Awaited(group, revision);
        }
    }

    /// Brings the group's rows into PUBLISHED. `result` has them already, over PUBLISHED as it was at submission.
    fn take_over(&mut self, group: &Group, result: Snapshot) -> Vec<Event> {
        let kinds = Arc::clone(&self.published.schema);
        let event = |published: &Snapshot, slot: usize, key: &crate::Key, new| {
            let old = published.row(slot, key).cloned();
            Event { kind: kinds.kinds[slot].name, key: key.clone(), old, new }
        };
        let rows = group.rows.iter();
        let events = rows.map(|((slot, key), row)| event(&self.published, *slot, key, row.clone())).collect();
        if result.revision == self.published.revision {
            self.published = result;
        } else {
            for ((slot, key), row) in &group.rows {
                self.published.set(*slot, key, row.clone());
            }
        }
        events
    }

    fn publish(&mut self, revision: Revision, events: Vec<Event>) {
        self.published.revision = revision;
        self.head.revision = revision;
        if let Some(shared) = self.shared.upgrade() {
            shared.ring.lock().push(Batch { revision, events });
            shared.show(&self.published);
        }
    }

    pub(super) fn fed(&mut self, fed: Fed) -> Result<(), BackendError> {
        match fed {
            Fed::Batch(batch) if batch.revision <= self.published.revision => return Ok(()),
            Fed::Batch(batch) => self.apply(&batch)?,
            Fed::Loaded(loaded) => self.replace(&loaded)?,
            Fed::Failed(error) => return Err(error),
        }
        match std::mem::replace(&mut self.flight, Flight::Nothing) {
            Flight::Awaited(group, revision) if revision <= self.published.revision => group.deliver(),
            flight => self.flight = flight,
        }
        self.rebase();
        self.judge();
        Ok(())
    }

    fn apply(&mut self, batch: &RawBatch) -> Result<(), BackendError> {
        let (schema, written) = (Arc::clone(&self.published.schema), Written::at(batch.revision));
        let mut events = Vec::with_capacity(batch.events.len());
        let epoch = self.published.epoch;
        for (key, value) in &batch.events {
            match log::read(&schema, key, value.as_deref(), &written)? {
                Item::Row((slot, key), new) => {
                    let old = self.published.set(slot, &key, new.clone());
                    events.push(Event { kind: schema.kinds[slot].name, key, old, new });
                }
                Item::Epoch(epoch) => self.published.epoch = epoch,
                Item::Format(format) => self.published.format = format,
                Item::Foreign => {}
            }
        }
        if self.published.epoch != epoch {
            self.restart_ring(batch.revision);
        }
        self.publish(batch.revision, events);
        Ok(())
    }

    /// Batches were lost. Watchers see a `Reset`.
    fn replace(&mut self, loaded: &Loaded) -> Result<(), BackendError> {
        Stats::bump(&self.stats.resets);
        let empty = || BackendError::Corrupt("the store was emptied while it was in use".into());
        let snapshot = log::read_all(&self.published.schema, loaded)?.ok_or_else(empty)?;
        if snapshot.epoch == self.published.epoch && snapshot.revision <= self.published.revision {
            return Ok(()); // what was lost, an answer of our own had told
        }
        self.published = snapshot;
        self.restart_ring(self.published.revision);
        if let Some(shared) = self.shared.upgrade() {
            shared.show(&self.published);
        }
        Ok(())
    }

    fn restart_ring(&self, revision: Revision) {
        if let Some(shared) = self.shared.upgrade() {
            *shared.ring.lock() = Ring::starting_at(revision);
        }
    }

    /// HEAD = PUBLISHED + what our groups wrote on top.
    pub(super) fn rebase(&mut self) {
        self.head = self.published.clone();
        let in_flight = match &self.flight {
            Flight::Submitted(group, _) | Flight::Awaited(group, _) => Some(group),
            Flight::Nothing => None,
        };
        for group in in_flight.into_iter().chain([&self.next]) {
            for ((slot, key), row) in &group.rows {
                self.head.set(*slot, key, row.clone());
            }
        }
    }
}

impl crate::store::Shared {
    /// Lets readers see a state, and wakes who waits for it.
    fn show(&self, snapshot: &Snapshot) {
        self.published.store(Arc::new(snapshot.clone()));
        self.revisions.send_replace(snapshot.revision);
    }
}

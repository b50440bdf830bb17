//! Transactions that are committed together: what they wrote, and what they rest on.

use super::job::Waiting;
use crate::{
    MAX_BYTES, MAX_KEYS, Schema, Tx,
    backend::RawTxn,
    keys::{self, Compare},
    object::{Row, Written},
    tx::Place,
};
use bytes::Bytes;
use std::collections::{BTreeMap, HashMap};

/// Transactions in one commit.
const GROUP: usize = 64;

pub(super) struct Group {
    id: String,
    /// Shared by all rows of the group.
    pub(super) written: Written,
    pub(super) jobs: Vec<Waiting>,
    pub(super) rows: BTreeMap<Place, Option<Row>>,
    writes: BTreeMap<String, Option<Bytes>>,
    reads: usize,
    bytes: usize,
    /// Takes no more transactions: what is in here runs again, and nobody new may spoil it.
    pub(super) sealed: bool,
}

impl Group {
    pub(super) fn new() -> Self {
        Self {
            id: kernel::ids::uuid_hex().to_string(),
            written: Written::pending(),
            jobs: Vec::new(),
            rows: BTreeMap::new(),
            writes: BTreeMap::new(),
            reads: 0,
            bytes: 0,
            sealed: false,
        }
    }

    /// The id of the next transaction of the group.
    pub(super) fn next_id(&self) -> String {
        format!("{}{:02x}", self.id, self.jobs.len())
    }

    /// Half full is full: a transaction may be as large as the limit, and back ends take one and a half times as much.
    pub(super) fn is_full(&self) -> bool {
        self.jobs.len() >= GROUP || self.writes.len().max(self.reads) * 2 >= MAX_KEYS || self.bytes * 2 >= MAX_BYTES
    }

    pub(super) fn only_read(&self) -> bool {
        self.writes.is_empty()
    }

    /// Takes in a transaction that has run. What it read of the group's own writes rests on nothing outside.
    pub(super) fn absorb(&mut self, mut waiting: Waiting, tx: Tx, writes: Vec<(String, Option<Bytes>)>) {
        waiting.reads = tx.reads;
        waiting.reads.retain(|place, _| !self.rows.contains_key(place));
        self.reads += waiting.reads.len();
        if !writes.is_empty() {
            self.rows.extend(tx.writes);
        }
        for (key, value) in writes {
            self.bytes += value.as_ref().map_or(0, Bytes::len);
            self.writes.insert(key, value);
        }
        self.jobs.push(waiting);
    }

    /// What must still be so at commit. Called when nothing that was read is pending any more; of two transactions that read
    /// different things in one place the first decides, and the commit fails.
    pub(super) fn compares(&self, schema: &Schema) -> Vec<Compare> {
        let mut all = HashMap::with_capacity(self.reads);
        for (place, found) in self.jobs.iter().flat_map(|w| &w.reads) {
            all.entry(place).or_insert(found);
        }
        let revision = |found: &Option<Written>| found.as_ref().map_or(0, Written::revision);
        let key = |(slot, key): &Place| keys::object(schema.kinds[*slot].name, key);
        all.into_iter().map(|(place, found)| (key(place), revision(found))).collect()
    }

    pub(super) fn take_txn(&mut self, compares: Vec<Compare>) -> RawTxn {
        RawTxn { id: self.id.clone(), compares, writes: std::mem::take(&mut self.writes).into_iter().collect() }
    }

    pub(super) fn deliver(self) {
        self.jobs.into_iter().for_each(|w| w.job.deliver());
    }
}

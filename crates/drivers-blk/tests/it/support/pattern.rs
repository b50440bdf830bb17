//! What a tester writes and what it may find again: blocks that say which write they are of, every byte of them checkable.
//!
//! Writes are numbered. A block shows the number of the write that it is of, or zeros; what must be there is known from which
//! writes were acknowledged, which were flushed, and which were under way when something died.

use std::collections::BTreeMap;

pub const BLOCK: u64 = 4096;

/// The bytes of a block: its place, the write's number, and what follows from both.
pub fn block(index: u64, write: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(usize::try_from(BLOCK).unwrap_or_default());
    bytes.extend(index.to_le_bytes());
    bytes.extend(write.to_le_bytes());
    let mut state = index.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ write.wrapping_mul(0xc2b2_ae3d_27d4_eb4f) | 1;
    while (bytes.len() as u64) < BLOCK {
        // xorshift64 (Marsaglia, 2003).
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes
}

/// The number of the write that a block is of, 0 for an empty one; an error says what is wrong with it.
pub fn number_of(index: u64, bytes: &[u8]) -> Result<u64, String> {
    if bytes.iter().all(|b| *b == 0) {
        return Ok(0);
    }
    let number = |at: usize| bytes[at..at + 8].try_into().map_or(0, u64::from_le_bytes);
    let (place, write) = (number(0), number(8));
    if place == index && bytes == block(index, write) {
        return Ok(write);
    }
    Err(format!("block {index} holds what was never written: its head says place {place}, write {write}"))
}

/// All that was done to a disk.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Of each block that was ever written to, the numbers of its writes.
    writes: BTreeMap<u64, Vec<u64>>,
    /// Up to this one, all are safe.
    safe: BTreeMap<u64, u64>,
    last: u64,
    acknowledged: u64,
    unflushed: Vec<(u64, u64)>,
}

impl History {
    /// A write that begins now; its number.
    pub fn begin(&mut self, from: u64, blocks: u64) -> u64 {
        self.last += 1;
        for index in from..from + blocks {
            self.writes.entry(index).or_default().push(self.last);
        }
        self.last
    }

    /// It was acknowledged.
    pub fn acknowledged(&mut self, from: u64, blocks: u64, write: u64) {
        self.acknowledged = self.acknowledged.max(write);
        self.unflushed.extend((from..from + blocks).map(|index| (index, write)));
    }

    /// All that was acknowledged must stay.
    pub fn flushed(&mut self) {
        for (index, write) in self.unflushed.drain(..) {
            let safe = self.safe.entry(index).or_default();
            *safe = write.max(*safe);
        }
    }

    /// The newest write that was acknowledged.
    pub fn last_acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// What may be gone if the writer dies now, in the order in which it was written.
    pub fn unflushed(&self) -> Vec<(u64, u64)> {
        self.unflushed.clone()
    }

    pub fn touched(&self) -> impl Iterator<Item = u64> {
        self.writes.keys().copied()
    }

    /// Whether a block may be of `write` now.
    pub fn check(&self, index: u64, write: u64) -> Result<(), String> {
        let safe = self.safe.get(&index).copied().unwrap_or_default();
        let known = write == 0 || self.writes.get(&index).is_some_and(|all| all.contains(&write));
        match known && write >= safe {
            true => Ok(()),
            false => Err(format!("block {index} is of write {write}, but write {safe} was said to be safe")),
        }
    }

    /// Whether what a copy shows, the write of each block, is the disk of one moment: all writes up to some one, none after it.
    /// `least`: one that had been acknowledged before the copy began.
    pub fn is_a_moment(&self, shown: &BTreeMap<u64, u64>, least: u64) -> Result<u64, String> {
        let moment = shown.values().copied().max().unwrap_or_default().max(least);
        for (index, all) in &self.writes {
            let expect = all.iter().copied().filter(|w| *w <= moment).max().unwrap_or_default();
            let found = shown.get(index).copied().unwrap_or_default();
            // The last one of the moment may have been under way: some of its blocks are in, others not.
            let before = all.iter().copied().filter(|w| *w < moment).max().unwrap_or_default();
            if found != expect && !(expect == moment && moment > least && found == before) {
                return Err(format!(
                    "block {index} is of write {found}; the moment after write {moment} has {expect} there"
                ));
            }
        }
        Ok(moment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_byte_is_seen() {
        let mut bytes = block(7, 3);
        assert_eq!(number_of(7, &bytes), Ok(3));
        assert_eq!(number_of(8, &[0; 4096]), Ok(0));
        assert!(number_of(8, &bytes).is_err(), "a block in another's place");
        for at in [0, 9, 100, 4095] {
            bytes[at] ^= 1;
            assert!(number_of(7, &bytes).is_err(), "byte {at}");
            bytes[at] ^= 1;
        }
        // Half of one write, half of another.
        let torn = [&block(7, 3)[..2048], &block(7, 4)[2048..]].concat();
        assert!(number_of(7, &torn).is_err());
    }

    #[test]
    fn what_may_be_found() {
        let mut history = History::default();
        let first = history.begin(0, 2);
        history.acknowledged(0, 2, first);
        assert!(history.check(0, 0).is_ok() && history.check(0, first).is_ok(), "not flushed: either way");
        history.flushed();
        assert!(history.check(0, 0).is_err() && history.check(1, first).is_ok());
        let second = history.begin(1, 1);
        assert!(history.check(1, first).is_ok() && history.check(1, second).is_ok(), "under way: either way");
        assert!(history.check(0, second).is_err(), "it never was there");
        let shown = |a, b| BTreeMap::from([(0, a), (1, b)]);
        assert_eq!(history.is_a_moment(&shown(first, first), first), Ok(first));
        assert_eq!(history.is_a_moment(&shown(first, second), first), Ok(second));
        assert!(history.is_a_moment(&shown(0, second), first).is_err(), "a later write without an earlier one");
        assert!(history.is_a_moment(&shown(first, first), second).is_err(), "one that was acknowledged is missing");
    }
}

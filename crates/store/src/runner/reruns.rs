//! Transactions that must run again, and when.
//!
//! Who is to blame for a conflict waits a moment, longer each time and never for the same time as a rival; who only stood beside
//! it runs again at once. Neither meets new transactions in its group, so a hot key delays others by a round, not for ever.

use super::job::Waiting;
use rand::Rng;
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

const FIRST_PAUSE: Duration = Duration::from_millis(4);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

#[derive(Default)]
pub(super) struct Reruns {
    batches: VecDeque<(Instant, Vec<Waiting>)>,
}

impl Reruns {
    pub(super) fn at_once(&mut self, jobs: Vec<Waiting>) {
        if !jobs.is_empty() {
            self.batches.push_front((Instant::now(), jobs));
        }
    }

    pub(super) fn after_a_pause(&mut self, jobs: Vec<Waiting>) {
        let Some(conflicts) = jobs.iter().map(|w| w.conflicts).max() else { return };
        self.batches.push_back((Instant::now() + pause(conflicts), jobs));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        self.batches.iter().map(|(due, _)| *due).min()
    }

    /// A batch whose time has come.
    pub(super) fn take_due(&mut self) -> Option<Vec<Waiting>> {
        let now = Instant::now();
        let at = self.batches.iter().position(|(due, _)| *due <= now)?;
        self.batches.remove(at).map(|(_, jobs)| jobs)
    }
}

fn pause(conflicts: u32) -> Duration {
    let longest = FIRST_PAUSE.saturating_mul(1 << conflicts.min(10)).min(LONGEST_PAUSE);
    rand::rng().random_range(Duration::ZERO..=longest)
}

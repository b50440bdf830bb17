//! Which hosts are alive, by whether they keep up. Every now and then we raise the northbound `nb_cfg`; northd passes the
//! number on, and each ovn-controller writes it into its own row once it has done everything up to there. A host that has
//! not written a number that has been visible to it for [`PATIENCE`] is not alive.
//!
//! Only what northd passed on counts, so a northd that stands still makes nobody look dead.

use std::time::Duration;

pub const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub struct Liveness {
    /// Numbers seen in the southbound database and when, oldest first. The first one is from before we looked.
    seen: Vec<(i64, Duration)>,
    started: bool,
}

impl Liveness {
    /// `cfg`: the southbound database's number, seen at `now`.
    pub fn observe(&mut self, cfg: i64, now: Duration) {
        if self.seen.last().is_some_and(|(last, _)| *last >= cfg) {
            return;
        }
        let at = if std::mem::replace(&mut self.started, true) { now } else { Duration::ZERO };
        self.seen.push((cfg, at));
        // Of those that are due only the newest matters.
        let due = self.seen.iter().filter(|(_, at)| *at + PATIENCE <= now).count();
        self.seen.drain(..due.saturating_sub(1));
    }

    /// Whether a host that has come as far as `cfg` is alive.
    pub fn is_alive(&self, cfg: i64, now: Duration) -> bool {
        let first = self.seen.first().map(|(expected, _)| *expected);
        let due = self.seen.iter().filter(|(_, at)| *at + PATIENCE <= now).map(|(expected, _)| *expected).max();
        due.or(first).is_none_or(|expected| cfg >= expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_to_keep_up_but_not_at_once() {
        let second = Duration::from_secs;
        let mut liveness = Liveness::default();
        assert!(liveness.is_alive(0, second(1)), "nothing is known yet");
        liveness.observe(5, second(100));
        assert!(liveness.is_alive(5, second(100)));
        assert!(!liveness.is_alive(4, second(100)), "it was behind when we came");
        liveness.observe(6, second(110));
        assert!(liveness.is_alive(5, second(169)), "it has time");
        assert!(!liveness.is_alive(5, second(170)));
        assert!(liveness.is_alive(6, second(170)));
        liveness.observe(6, second(180));
        liveness.observe(7, second(190));
        assert!(liveness.is_alive(6, second(249)) && !liveness.is_alive(6, second(250)));
        assert!(liveness.seen.len() <= 2, "what is past is forgotten: {:?}", liveness.seen);
    }
}

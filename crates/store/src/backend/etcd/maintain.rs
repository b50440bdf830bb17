//! What a cluster's etcd needs now and then, done by whoever holds the maintenance lease.
//!
//! - *Compaction* every 10 s, keeping 30 s of revisions: as long as a watch may be broken off without a full load. Only at
//!   revisions made for it, where nothing was deleted.
//! - *Defragmentation*, one member in a round and not the same twice in a row, when more than half of a file is empty: it blocks
//!   that member for a moment, and the others carry the quorum.
//! - *Space*: above 60 % of the quota the operator is warned; an alarm that etcd raised for lack of space is taken back when
//!   there is space again.

use super::{Etcd, Inner, QUOTA, endpoints::Failure, leases::Exclusive};
use crate::Revision;
use etcd_client::{AlarmAction, AlarmType};
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// The key whose writes make revisions to compact at; no watch covers it.
const MARK: &str = "mark";

/// How often, and how much. The default is the design's; tests have less time.
#[derive(Clone, Copy, Debug)]
pub struct Rhythm {
    pub round: Duration,
    /// The age up to which revisions are kept.
    pub kept: Duration,
    /// Of the right to do the work.
    pub lease: Duration,
    /// A file smaller than this is not worth the pause of a defragmentation.
    pub defragment_above: i64,
}

impl Default for Rhythm {
    fn default() -> Self {
        let [round, kept, lease] = [10, 30, 30].map(Duration::from_secs);
        Self { round, kept, lease, defragment_above: 256 << 20 }
    }
}

/// How full the member is that is fullest.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Health {
    pub bytes: i64,
    pub bytes_in_use: i64,
    pub quota: i64,
}

impl Health {
    /// More of the quota is taken than the operator should let happen.
    pub fn is_tight(&self) -> bool {
        self.bytes_in_use * 10 > self.quota * 6
    }
}

impl Etcd {
    /// Runs for ever; every member starts one, and one of them at a time does the work. `report` gets what each round has seen.
    pub async fn maintain(self, rhythm: Rhythm, report: impl Fn(Health) + Send) {
        let mut lease = Exclusive { name: "store.maintenance", ttl: rhythm.lease, held: None };
        let mut seen = Revisions { kept: rhythm.kept, newest: VecDeque::new() };
        for round in 0.. {
            tokio::time::sleep(rhythm.round).await;
            match lease.take(&self.0).await {
                Ok(true) => {}
                Ok(false) => continue,
                Err(failure) => {
                    tracing::warn!(why = %failure, "etcd cannot be maintained now");
                    continue;
                }
            }
            if let Err(failure) = self.0.compact(&mut seen).await {
                tracing::warn!(why = %failure, "etcd was not compacted");
            }
            match self.0.look_after_space(round, rhythm.defragment_above).await {
                Ok(health) => report(health),
                Err(failure) => tracing::warn!(why = %failure, "the size of etcd is not known"),
            }
        }
    }

    /// Compacts all but the newest revision.
    pub async fn compact_now(&self) -> Result<(), super::BackendError> {
        let mark = self.0.mark().await?;
        Ok(self.0.compact_to(mark).await?)
    }
}

/// Revisions, and when they were the newest.
struct Revisions {
    kept: Duration,
    newest: VecDeque<(Instant, Revision)>,
}

impl Revisions {
    /// Notes the newest and returns the newest that is old enough to go.
    fn note(&mut self, now: Instant, newest: Revision) -> Option<Revision> {
        self.newest.push_back((now, newest));
        let old = self.newest.iter().take_while(|(at, _)| now.duration_since(*at) >= self.kept).count();
        self.newest.drain(..old).next_back().map(|(_, revision)| revision)
    }
}

impl Inner {
    async fn compact(&self, seen: &mut Revisions) -> Result<(), Failure> {
        let mark = self.mark().await?;
        match seen.note(Instant::now(), mark) {
            Some(revision) => self.compact_to(revision).await,
            None => Ok(()),
        }
    }

    /// A revision at which nothing was deleted. Compacting at one where something was, etcd before 3.5.18 also drops the
    /// deletion of that very revision, and a watch that resumes there misses it without being told (etcd#19179).
    async fn mark(&self) -> Result<Revision, Failure> {
        let put = |mut e: super::endpoints::Endpoint| async move { e.kv.put(MARK, "", None).await };
        let answer = self.endpoints.ask(put).await?;
        Ok(answer.header().map_or(0, etcd_client::ResponseHeader::revision))
    }

    async fn compact_to(&self, revision: Revision) -> Result<(), Failure> {
        match self.endpoints.ask(|mut e| async move { e.kv.compact(revision, None).await }).await {
            Ok(_) | Err(Failure::Compacted) => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    async fn look_after_space(&self, round: usize, defragment_above: i64) -> Result<Health, Failure> {
        let mut fullest = Health { quota: QUOTA, ..Health::default() };
        for (n, endpoint) in self.endpoints.all().enumerate() {
            let mut maintenance = endpoint.maintenance.clone();
            let status = tokio::time::timeout(self.endpoints.patience(), maintenance.status()).await;
            let Ok(Ok(status)) = status else { continue }; // it is down; who is up decides
            let (bytes, in_use) = (status.db_size(), status.raft_used_db_size());
            fullest.bytes = fullest.bytes.max(bytes);
            fullest.bytes_in_use = fullest.bytes_in_use.max(in_use);
            let its_turn = round % self.endpoints.all().count() == n;
            if its_turn && bytes > defragment_above && in_use * 2 < bytes {
                tracing::info!(member = n, bytes, in_use, "a member of etcd is defragmented");
                if let Err(e) = maintenance.defragment().await {
                    tracing::warn!(member = n, error = %e, "a member of etcd was not defragmented");
                }
            }
        }
        if fullest.is_tight() {
            let Health { bytes_in_use, quota, .. } = fullest;
            tracing::warn!(bytes_in_use, quota, "etcd takes more than 60 % of its quota; at 100 % it takes no writes");
        } else {
            self.take_back_alarms().await?;
        }
        Ok(fullest)
    }

    async fn take_back_alarms(&self) -> Result<(), Failure> {
        let alarm = |action| {
            move |mut e: super::endpoints::Endpoint| async move {
                e.maintenance.alarm(action, AlarmType::Nospace, None).await
            }
        };
        if !self.endpoints.ask(alarm(AlarmAction::Get)).await?.alarms().is_empty() {
            self.endpoints.ask(alarm(AlarmAction::Deactivate)).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirty_seconds_of_revisions_are_kept() {
        let mut seen = Revisions { kept: Rhythm::default().kept, newest: VecDeque::new() };
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let compacted: Vec<_> = (0..6).map(|n| seen.note(at(n * 10), n as Revision * 100)).collect();
        assert_eq!(compacted, [None, None, None, Some(0), Some(100), Some(200)]);
        assert_eq!(seen.note(at(120), 900), Some(500), "a pause gives up all that is old");
    }
}

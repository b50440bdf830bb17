//! Commits, and what became of them.

use super::{Inner, endpoints::Failure};
use crate::{
    Revision,
    backend::{BackendError, CommitError, Committed, RawTxn},
    keys::{self, Compare},
};
use etcd_client::{Compare as EtcdCompare, CompareOp, GetOptions, PutOptions, Txn, TxnOp, TxnOpResponse, TxnResponse};
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// How long a lease for outcomes is used, and how long it lives: between them lies the time in which an outcome can be learnt.
const LEASE_USED: Duration = Duration::from_secs(60);
const LEASE_LIVES: Duration = Duration::from_secs(300);
const RETRY: Duration = Duration::from_millis(200);

const COMMITTED: &str = "committed";
const ABORTED: &str = "aborted";

#[derive(Default)]
pub(super) struct Outcomes {
    /// The lease in use, and since when.
    lease: tokio::sync::Mutex<Option<(i64, Instant)>>,
    /// The leases of commits whose outcome is not known yet.
    in_doubt: Mutex<HashMap<String, i64>>,
}

fn unchanged((key, revision): &Compare) -> EtcdCompare {
    EtcdCompare::mod_revision(key.as_bytes(), CompareOp::Equal, *revision)
}

fn absent(key: &str) -> EtcdCompare {
    EtcdCompare::version(key.as_bytes(), CompareOp::Equal, 0)
}

fn get(key: &str) -> TxnOp {
    TxnOp::get(key, None::<GetOptions>)
}

/// The `n`th answer of a txn, which is that of a get.
fn got(response: &TxnResponse, n: usize) -> Option<etcd_client::KeyValue> {
    match response.op_responses().into_iter().nth(n)? {
        TxnOpResponse::Get(mut found) => found.take_kvs().pop(),
        _ => None,
    }
}

fn revision(response: &TxnResponse) -> Revision {
    response.header().map_or(0, etcd_client::ResponseHeader::revision)
}

impl Inner {
    pub(super) async fn commit(&self, txn: RawTxn) -> Result<Committed, CommitError> {
        // A lease may end early: if nobody renewed the cluster's idea of time. Once is enough to see that.
        match self.commit_under_lease(&txn).await {
            Err(Failure::LeaseGone) => {
                self.outcomes.lease.lock().await.take();
                self.commit_under_lease(&txn).await
            }
            outcome => outcome,
        }
        .unwrap_or_else(|failure| match failure {
            Failure::Silence(why) => Err(CommitError::Unknown(why)),
            // Nothing of it was done.
            failure => Err(CommitError::Refused(failure.to_string())),
        })
    }

    /// Sends the commit once. It stays in doubt until there is an answer that leaves none.
    async fn commit_under_lease(&self, txn: &RawTxn) -> Result<Result<Committed, CommitError>, Failure> {
        let lease = match self.outcome_lease().await {
            Ok(lease) => lease,
            // Nothing was sent yet.
            Err(failure) => return Ok(Err(CommitError::Refused(failure.to_string()))),
        };
        self.outcomes.in_doubt.lock().insert(txn.id.clone(), lease);
        let request = request(txn, lease);
        let answer = self.endpoints.once(|mut e| async move { e.kv.txn(request).await }).await;
        if !matches!(answer, Err(Failure::Silence(_))) {
            self.outcomes.in_doubt.lock().remove(&txn.id);
        }
        answer.map(|response| outcome(&response))
    }

    /// A lease young enough to bind outcomes to.
    async fn outcome_lease(&self) -> Result<i64, Failure> {
        let mut lease = self.outcomes.lease.lock().await;
        if let Some((id, since)) = *lease
            && since.elapsed() < LEASE_USED
        {
            return Ok(id);
        }
        let seconds = LEASE_LIVES.as_secs() as i64;
        let granted = self.endpoints.ask(|mut e| async move { e.lease.grant(seconds, None).await }).await;
        match (granted, *lease) {
            (Ok(granted), _) => {
                *lease = Some((granted.id(), Instant::now()));
                Ok(granted.id())
            }
            // The old one still does: if it has ended, etcd will say so.
            (Err(_), Some((id, _))) => Ok(id),
            (Err(failure), None) => Err(failure),
        }
    }

    pub(super) async fn validate(&self, compares: &[Compare]) -> Result<Result<(), Revision>, BackendError> {
        // The gets make it a linearizable read; a txn without any would be answered from the member's own state.
        let txn = Txn::new()
            .when(compares.iter().map(unchanged).collect::<Vec<_>>())
            .and_then([get(keys::HEAD)])
            .or_else([get(keys::HEAD)]);
        let response = self.endpoints.ask(|mut e| e.kv_txn(txn.clone())).await?;
        let head = got(&response, 0).map_or(0, |kv| kv.mod_revision());
        Ok(if response.succeeded() { Ok(()) } else { Err(head) })
    }

    pub(super) async fn resolve(&self, id: &str) -> Result<Option<Revision>, BackendError> {
        let lease = self.outcomes.in_doubt.lock().get(id).copied();
        loop {
            let lease = match lease {
                Some(lease) => Ok(lease),
                None => self.outcome_lease().await,
            };
            let settled = match lease {
                Ok(lease) => self.settle(id, lease).await,
                Err(failure) => Err(failure),
            };
            match settled {
                Ok(outcome) => {
                    self.outcomes.in_doubt.lock().remove(id);
                    return Ok(outcome);
                }
                Err(Failure::LeaseGone) => {
                    return Err(BackendError::Unavailable(format!(
                        "the outcome of commit {id} could not be learnt within {LEASE_LIVES:?}; this member must start anew"
                    )));
                }
                Err(failure) => tracing::debug!(tx = id, why = %failure, "the outcome of a commit is not known yet"),
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    /// Puts the abort marker, unless the commit was there first.
    async fn settle(&self, id: &str, lease: i64) -> Result<Option<Revision>, Failure> {
        let key = keys::tx(id);
        let marker = TxnOp::put(key.as_str(), ABORTED, Some(PutOptions::new().with_lease(lease)));
        let txn = Txn::new().when([absent(&key)]).and_then([marker]).or_else([get(&key)]);
        let response = self.endpoints.ask(|mut e| e.kv_txn(txn.clone())).await?;
        let found = if response.succeeded() { None } else { got(&response, 0) };
        Ok(found.filter(|kv| kv.value() == COMMITTED.as_bytes()).map(|kv| kv.mod_revision()))
    }
}

impl super::endpoints::Endpoint {
    fn kv_txn(&mut self, txn: Txn) -> impl Future<Output = Result<TxnResponse, etcd_client::Error>> + use<> {
        let mut kv = self.kv.clone();
        async move { kv.txn(txn).await }
    }
}

/// `o.head` comes last: in a watch it ends the revision.
fn request(txn: &RawTxn, lease: i64) -> Txn {
    let key = keys::tx(&txn.id);
    let compares: Vec<_> = txn.compares.iter().map(unchanged).chain([absent(&key)]).collect();
    let write = |(key, value): &(String, Option<bytes::Bytes>)| match value {
        Some(value) => TxnOp::put(key.as_str(), &value[..], None),
        None => TxnOp::delete(key.as_str(), None),
    };
    let mut writes: Vec<_> = txn.writes.iter().map(write).collect();
    writes.push(TxnOp::put(key.as_str(), COMMITTED, Some(PutOptions::new().with_lease(lease))));
    writes.push(TxnOp::put(keys::HEAD, txn.id.as_str(), Some(PutOptions::new().with_prev_key())));
    Txn::new().when(compares).and_then(writes).or_else([get(&key), get(keys::HEAD)])
}

fn outcome(response: &TxnResponse) -> Result<Committed, CommitError> {
    if response.succeeded() {
        let previous = match response.op_responses().pop() {
            Some(TxnOpResponse::Put(put)) => Some(put.prev_key().map_or(0, etcd_client::KeyValue::mod_revision)),
            _ => None,
        };
        return Ok(Committed { revision: revision(response), previous });
    }
    match (got(response, 0), got(response, 1)) {
        // The transport sent it twice, and this is the answer to the second.
        (Some(kv), _) if kv.value() == COMMITTED.as_bytes() => {
            Ok(Committed { revision: kv.mod_revision(), previous: None })
        }
        (Some(_), _) => Err(CommitError::Aborted),
        (None, head) => Err(CommitError::Conflict { at: head.map_or(0, |kv| kv.mod_revision()) }),
    }
}

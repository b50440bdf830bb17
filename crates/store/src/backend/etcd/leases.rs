//! Leases: a key under `lease/`, bound to an etcd lease.

use super::{Inner, endpoints::Failure};
use crate::{backend::BackendError, keys};
use etcd_client::{Compare, CompareOp, Error, GetOptions, PutOptions, Txn, TxnOp};
use std::{collections::HashMap, time::Duration};
use tokio::sync::Mutex;

/// Names this process holds, and the etcd leases they are bound to.
#[derive(Default)]
pub(super) struct Leases(Mutex<HashMap<String, i64>>);

/// What became of a renewal.
enum Renewed {
    Yes,
    TooLate,
}

impl Inner {
    pub(super) async fn take_lease(&self, name: &str, ttl: Duration) -> Result<(), BackendError> {
        let mut held = self.leases.0.lock().await;
        match held.get(name) {
            Some(id) => match self.renew(*id, ttl).await? {
                Renewed::Yes => Ok(()),
                Renewed::TooLate => {
                    held.remove(name);
                    Err(BackendError::Lapsed(name.to_owned()))
                }
            },
            None => {
                let id = self.bind(name, ttl).await?;
                held.insert(name.to_owned(), id);
                Ok(())
            }
        }
    }

    async fn grant(&self, ttl: Duration) -> Result<i64, Failure> {
        let seconds = ttl.as_secs_f64().ceil() as i64;
        let granted = self.endpoints.ask(|mut e| async move { e.lease.grant(seconds, None).await }).await?;
        Ok(granted.id())
    }

    async fn bind(&self, name: &str, ttl: Duration) -> Result<i64, Failure> {
        let (id, key) = (self.grant(ttl).await?, keys::lease(name));
        let put = |mut e: super::endpoints::Endpoint| {
            let (key, options) = (key.clone(), PutOptions::new().with_lease(id));
            async move { e.kv.put(key, "", Some(options)).await }
        };
        self.endpoints.ask(put).await?;
        Ok(id)
    }

    /// With so little patience that a member that is frozen leaves time for another.
    async fn renew(&self, id: i64, ttl: Duration) -> Result<Renewed, Failure> {
        let renew = |mut e: super::endpoints::Endpoint| async move {
            match e.lease.keep_alive(id).await {
                Ok(_) => Ok(Renewed::Yes),
                Err(Error::LeaseKeepAliveError(_)) => Ok(Renewed::TooLate),
                Err(e) => Err(e),
            }
        };
        self.endpoints.ask_within(self.endpoints.patience().min(ttl / 4), renew).await
    }

    pub(super) async fn live_leases(&self) -> Result<Vec<String>, BackendError> {
        let from = keys::LEASES.start;
        let get = |mut e: super::endpoints::Endpoint| async move {
            let options = GetOptions::new().with_range(keys::LEASES.end).with_keys_only();
            e.kv.get(from, Some(options)).await
        };
        let found = self.endpoints.ask(get).await?;
        let name = |kv: &etcd_client::KeyValue| Some(kv.key_str().ok()?.strip_prefix(from)?.to_owned());
        Ok(found.kvs().iter().filter_map(name).collect())
    }
}

/// A lease that only one process holds at a time.
pub(super) struct Exclusive {
    pub(super) name: &'static str,
    pub(super) ttl: Duration,
    pub(super) held: Option<i64>,
}

impl Exclusive {
    /// Takes or renews it; false if another process has it.
    pub(super) async fn take(&mut self, etcd: &Inner) -> Result<bool, Failure> {
        if let Some(id) = self.held {
            match etcd.renew(id, self.ttl).await? {
                Renewed::Yes => return Ok(true),
                Renewed::TooLate => self.held = None,
            }
        }
        let (id, key) = (etcd.grant(self.ttl).await?, keys::lease(self.name));
        let txn = Txn::new().when([Compare::version(key.as_str(), CompareOp::Equal, 0)]).and_then([TxnOp::put(
            key.as_str(),
            "",
            Some(PutOptions::new().with_lease(id)),
        )]);
        let taken = etcd.endpoints.once(|mut e| async move { e.kv.txn(txn).await }).await?.succeeded();
        self.held = taken.then_some(id);
        Ok(taken)
    }
}

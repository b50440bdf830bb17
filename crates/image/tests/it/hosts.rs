//! Hosts that keep images, on paper; each can be away, or refuse.

use async_trait::async_trait;
use kernel::{Error, HostName, Result, Timestamp};
use parking_lot::Mutex;
use ports::{HostCalls, HostStatus};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

#[derive(Default)]
pub struct OneHost {
    pub away: bool,
    pub refuses: bool,
    /// Hashes.
    pub kept: BTreeSet<String>,
}

#[derive(Default)]
pub struct Hosts(pub Mutex<BTreeMap<String, OneHost>>);

impl Hosts {
    pub fn add(&self, names: &[&str]) {
        self.0.lock().extend(names.iter().map(|n| ((*n).to_owned(), OneHost::default())));
    }

    pub fn change(&self, name: &str, change: impl FnOnce(&mut OneHost)) {
        change(self.0.lock().get_mut(name).expect("a host of that name"));
    }
}

fn listed(hashes: &BTreeSet<String>) -> Value {
    let one = |hash: &String| json!({"hash": hash, "hash_algo": "sha512", "format": "raw", "size": 4096, "hits": 2, "made_at": 5, "used_at": 7});
    json!({"images": hashes.iter().map(one).collect::<Vec<_>>()})
}

#[async_trait]
impl HostCalls for Hosts {
    async fn call(&self, host: &HostName, method: &str, params: Value, _: Duration) -> Result<Value> {
        let mut hosts = self.0.lock();
        let one = hosts.get_mut(host.as_str()).filter(|h| !h.away);
        let one = one.ok_or_else(|| Error::unavailable(format!("host {host} is away")))?;
        let hash = params["hash"].as_str().unwrap_or_default().to_owned();
        match method {
            "image.cache" if one.refuses => return Err(Error::too_large("its disk is full")),
            "image.cache" => {
                one.kept.insert(hash);
            }
            "image.uncache" => {
                one.kept.remove(&hash);
            }
            "image.cached" => return Ok(listed(&one.kept)),
            "image.prune" => return Ok(listed(&std::mem::take(&mut one.kept))),
            other => panic!("a host is asked for {other}"),
        }
        Ok(Value::Null)
    }

    fn hosts(&self) -> Vec<HostStatus> {
        let status = |(name, one): (&String, &OneHost)| HostStatus {
            host: name.as_str().into(),
            connected: !one.away,
            last_seen: Timestamp::default(),
        };
        self.0.lock().iter().map(status).collect()
    }
}

//! Hosts with a pool on paper, reached as an agent is: every call idempotent, older generations refused.

use async_trait::async_trait;
use kernel::{Error, HostName, Result, Timestamp};
use parking_lot::Mutex;
use ports::{HostCalls, HostStatus, IoLimits};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

#[derive(Clone, Debug, Default)]
pub struct Held {
    pub size_gib: u64,
    pub snapshots: BTreeSet<String>,
    pub exported: bool,
    /// What its users are held to while it is exported.
    pub limits: Value,
    /// How often its content was replaced.
    pub rewritten: u32,
    /// How it was to be encrypted when it was made.
    pub luks: Value,
    generation: u64,
}

/// The one guest there is, on the first host.
#[derive(Clone, Debug, Default)]
pub struct Guest {
    /// Of what its host was asked for; zero: it does not run.
    pub generation: u64,
    /// Where its volume is.
    pub at: Value,
    /// Where its volume is mirrored to, and it stands still.
    pub mirror: Value,
    /// What it may do with its volume since that has moved.
    pub limits: IoLimits,
}

#[derive(Default)]
pub struct Pools {
    guest: Mutex<Guest>,
    held: Mutex<BTreeMap<String, Held>>,
    uploaded: Mutex<BTreeSet<String>>,
    /// Backups that are kept, by id.
    kept: Mutex<BTreeSet<String>>,
    /// What was let go: sizes by name, and names of snapshots with their volumes.
    lying: Mutex<BTreeMap<String, u64>>,
    lying_snapshots: Mutex<BTreeSet<(String, String)>>,
    /// Guests that were told a disk's new size.
    told: Mutex<BTreeSet<(String, String, u64)>>,
    /// What the host says its pools are.
    measured: Mutex<Vec<Value>>,
    /// Said instead of doing, by method.
    refusals: Mutex<BTreeMap<&'static str, (u32, Error)>>,
    away: Mutex<bool>,
}

impl Pools {
    pub fn held(&self) -> BTreeMap<String, Held> {
        self.held.lock().clone()
    }

    pub fn guest(&self) -> Guest {
        self.guest.lock().clone()
    }

    pub fn set_guest(&self, guest: Guest) {
        *self.guest.lock() = guest;
    }

    /// As a hypervisor does it.
    fn move_disk(&self, method: &str, params: &Value) -> Result<Value> {
        let (mut guest, to) = (self.guest.lock(), params["to"].clone());
        let generation = params["generation"].as_u64().expect("a generation");
        if generation < guest.generation {
            return Err(Error::unavailable("a newer generation was here"));
        }
        let off = guest.generation == 0;
        match method {
            "vm.mirror_disk" if off => return Err(Error::conflict("it does not run")),
            "vm.mirror_disk" if guest.at != to => guest.mirror = to,
            "vm.mirror_disk" => {}
            "vm.move_disk" if off || guest.at == to || guest.mirror == to => {
                (guest.at, guest.mirror) = (to, Value::Null)
            }
            "vm.move_disk" => return Err(Error::conflict("it is not the same there")),
            _ => guest.mirror = Value::Null,
        }
        Ok(Value::Null)
    }

    /// What lies there for whoever takes it over.
    pub fn lying(&self) -> Vec<String> {
        let snapshots = self.lying_snapshots.lock().iter().map(|(_, name)| name.clone()).collect::<Vec<_>>();
        self.lying.lock().keys().cloned().chain(snapshots).collect()
    }

    pub fn lay(&self, name: &str, size_gib: u64) {
        self.lying.lock().insert(name.to_owned(), size_gib);
    }

    pub fn uploaded(&self) -> BTreeSet<String> {
        self.uploaded.lock().clone()
    }

    pub fn kept(&self) -> BTreeSet<String> {
        self.kept.lock().clone()
    }

    pub fn told(&self) -> BTreeSet<(String, String, u64)> {
        self.told.lock().clone()
    }

    pub fn measure(&self, pools: Vec<Value>) {
        *self.measured.lock() = pools;
    }

    pub fn refuse(&self, method: &'static str, error: Error) {
        self.refuse_from(method, 0, error);
    }

    /// Refuses a method after so many calls that it lets pass.
    pub fn refuse_from(&self, method: &'static str, after: u32, error: Error) {
        self.refusals.lock().insert(method, (after, error));
    }

    pub fn heal(&self) {
        self.refusals.lock().clear();
    }

    /// The host is not connected.
    pub fn away(&self, away: bool) {
        *self.away.lock() = away;
    }

    /// What is not of one volume.
    fn apart(&self, method: &str, params: &Value) -> Option<Result<Value>> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let info = json!({"object_count": 2, "size": 1u64 << 30});
        Some(match method {
            "vm.resize_disk" => {
                let size = params["size_bytes"].as_u64().expect("a size");
                self.told.lock().insert((text(&params["server"]), text(&params["disk"]), size));
                Ok(Value::Null)
            }
            "vm.mirror_disk" | "vm.move_disk" | "vm.keep_disk" => self.move_disk(method, params),
            "volume.pools" => Ok(Value::Array(self.measured.lock().clone())),
            "volume.back_up" => {
                let held = self.held.lock().contains_key(&text(&params["id"]));
                assert!(held, "there is nothing to back up");
                self.kept.lock().insert(text(&params["backup"]["place"]["backup"]));
                Ok(info)
            }
            "volume.delete_backup" => {
                self.kept.lock().remove(&text(&params["place"]["backup"]));
                Ok(Value::Null)
            }
            "volume.candidates" => {
                let all = self.lying.lock();
                Ok(all.iter().map(|(name, size)| json!({"reference": name, "size_gib": size, "of": null})).collect())
            }
            "volume.adopt" => self.adopt(&held_key(params), &text(&params["reference"]), params),
            "volume.release" => {
                let key = held_key(params);
                if let Some(held) = self.held.lock().remove(&key) {
                    assert!(!held.exported && held.snapshots.is_empty(), "it is in use");
                    self.lay(&format!("volume-{key}"), held.size_gib);
                }
                Ok(Value::Null)
            }
            "volume.backup_info" => match self.kept.lock().contains(&text(&params["place"]["backup"])) {
                true => Ok(info),
                false => Err(Error::not_found("no such backup")),
            },
            _ => return None,
        })
    }

    fn adopt(&self, key: &str, name: &str, params: &Value) -> Result<Value> {
        let mut held = self.held.lock();
        if let Some(there) = held.get(key) {
            return Ok(json!(there.size_gib));
        }
        let found = self.lying.lock().remove(name);
        let size_gib = found.ok_or_else(|| Error::bad_request(format!("nothing is named {name}")))?;
        let generation = params["generation"].as_u64().unwrap_or_default();
        held.insert(key.to_owned(), Held { size_gib, generation, ..Held::default() });
        Ok(json!(size_gib))
    }

    fn change(&self, method: &str, params: &Value) -> Result<Value> {
        let text = |key: &str| params[key].as_str().unwrap_or_default().to_owned();
        let (id, generation) = (held_key(params), params["generation"].as_u64().unwrap_or_default());
        let mut held = self.held.lock();
        let absent = || Error::not_found(format!("volume {id} is not in this pool"));
        if method == "volume.create" {
            let size_gib = params["spec"]["size_gib"].as_u64().expect("a size");
            let new = Held { size_gib, generation, luks: params["luks"].clone(), ..Held::default() };
            exported(&held, params);
            let found = held.entry(id).or_insert(new);
            return if found.generation > generation { Err(fenced()) } else { Ok(Value::Null) };
        }
        exported(&held, params);
        let Some(found) = held.get_mut(&id) else {
            return if method == "volume.delete" { Ok(Value::Null) } else { Err(absent()) };
        };
        if found.generation > generation && !["volume.upload", "volume.limits"].contains(&method) {
            return Err(fenced());
        }
        found.generation = found.generation.max(generation);
        match method {
            "volume.delete" if found.exported || !found.snapshots.is_empty() => {
                return Err(Error::conflict("it is in use"));
            }
            "volume.delete" => drop(held.remove(&id)),
            "volume.extend" => found.size_gib = found.size_gib.max(params["size_gib"].as_u64().expect("a size")),
            "volume.rewrite" if found.exported => return Err(Error::conflict("it is in use")),
            "volume.rewrite" => (found.rewritten, found.luks) = (found.rewritten + 1, params["luks"].clone()),
            "volume.create_snapshot" => drop(found.snapshots.insert(text("snapshot"))),
            "volume.delete_snapshot" => drop(found.snapshots.remove(&text("snapshot"))),
            "volume.release_snapshot" => {
                if found.snapshots.remove(&text("snapshot")) {
                    self.lying_snapshots.lock().insert((id, format!("_snapshot-{}", text("snapshot"))));
                }
            }
            "volume.adopt_snapshot" => {
                let there = found.snapshots.contains(&text("snapshot"));
                if !there && !self.lying_snapshots.lock().remove(&(id, text("reference"))) {
                    return Err(Error::bad_request("nothing is named so"));
                }
                found.snapshots.insert(text("snapshot"));
            }
            "volume.export" => {
                found.exported = true;
                return Ok(json!({"type": "fake", "export": id}));
            }
            "volume.unexport" => (found.exported, found.limits) = (false, Value::Null),
            "volume.limit" if !found.exported => return Err(Error::conflict("it is not exported")),
            "volume.limit" => found.limits = params["limits"].clone(),
            "volume.limits" => return Ok(found.limits.clone()),
            "volume.upload" => drop(self.uploaded.lock().insert(text("image"))),
            other => panic!("no agent knows {other}"),
        }
        Ok(Value::Null)
    }
}

/// Volumes of the first host's first back end by their ids, those of others with host and back end before.
pub fn key(host: &str, backend: &str, id: &str) -> String {
    match (host, backend) {
        ("h1", "fake") => id.to_owned(),
        ("h1", other) => format!("{other}/{id}"),
        (host, backend) => format!("{host}/{backend}/{id}"),
    }
}

fn held_key(params: &Value) -> String {
    let text = |key: &str| params[key].as_str().unwrap_or_default();
    key(text("at"), text("backend"), text("id"))
}

/// What a volume is copied of must be exported meanwhile.
fn exported(held: &BTreeMap<String, Held>, params: &Value) {
    if params["spec"]["source"]["type"] == "exported" {
        let from = held.get(params["spec"]["source"]["target"]["export"].as_str().expect("an export"));
        assert!(from.is_some_and(|f| f.exported), "what is copied is exported");
    }
}

fn fenced() -> Error {
    Error::conflict("a newer generation was here")
}

#[async_trait]
impl HostCalls for Pools {
    async fn call(&self, host: &HostName, method: &str, mut params: Value, _: Duration) -> Result<Value> {
        assert!(["h1", "h2"].contains(&host.as_str()), "{host}");
        if let Some(params) = params.as_object_mut() {
            params.insert("at".into(), json!(host));
        }
        if *self.away.lock() {
            return Err(Error::unavailable("host h1 is not connected"));
        }
        if let Some((after, refusal)) = self.refusals.lock().get_mut(method) {
            if *after == 0 {
                return Err(refusal.clone());
            }
            *after -= 1;
        }
        // Others run here, as they do while a real call is on its way.
        tokio::task::yield_now().await;
        self.apart(method, &params).unwrap_or_else(|| self.change(method, &params))
    }

    fn hosts(&self) -> Vec<HostStatus> {
        let status = |host: &str| HostStatus {
            host: host.into(),
            connected: !*self.away.lock(),
            last_seen: Timestamp::default(),
        };
        vec![status("h1"), status("h2")]
    }
}

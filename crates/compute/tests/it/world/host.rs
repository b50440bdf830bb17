//! Hosts with agents that make each intent so, in memory, and say what they saw.

use super::image::Image;
use async_trait::async_trait;
use compute::{
    Compute,
    driver::VmState,
    model::vm::{Power, VmIntent, VmObserved},
};
use kernel::{Error, HostName, PortId, Result, ServerId, Timestamp, VolumeId};
use parking_lot::Mutex;
use ports::{HostCalls, HostStatus, Load, hosts::Call};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use store::{Object, Store, WatchItem};
use tokio::task::JoinHandle;

#[derive(Clone, Debug)]
pub struct Guest {
    pub host: HostName,
    pub state: VmState,
    pub generation: u64,
    pub reboots: u64,
    pub volumes: Vec<VolumeId>,
    pub ports: Vec<PortId>,
    /// It has gone to another host.
    pub sent: bool,
    /// vCPUs and MiB, and how often it was started.
    pub shape: (u32, u64),
    pub starts: u32,
}

/// What a host does instead of what it is asked.
#[derive(Clone, Debug, Default)]
pub struct Mood {
    /// Refuses to run guests.
    pub refuses: Option<String>,
    /// Neither acts nor speaks.
    pub silent: bool,
    pub away: bool,
    /// Guests do not let go of devices.
    pub sticky: bool,
    /// Guests that run keep the shape that they have.
    pub rigid: Option<String>,
    /// Guests on their way never get there.
    pub slow: bool,
    /// Guests on their way die here.
    pub deadly: bool,
    /// What arrives is never landed.
    pub unlucky: Option<String>,
    /// Agents of guests do not answer.
    pub deaf: bool,
}

#[derive(Default)]
struct State {
    guests: BTreeMap<(ServerId, HostName), Guest>,
    /// Names of local disks.
    disks: BTreeMap<(ServerId, HostName), BTreeSet<String>>,
    moods: BTreeMap<HostName, Mood>,
    sequence: u64,
    /// Guests that ran on two hosts at once.
    twice: Vec<String>,
    /// Guests whose file systems are held.
    held: BTreeSet<String>,
    /// Guests that do not wait for a slow host any more.
    hastened: BTreeSet<ServerId>,
}

pub struct Hosts {
    names: Vec<HostName>,
    state: Mutex<State>,
    /// Whom agents report to; set by whoever builds the service.
    compute: Mutex<Option<Compute>>,
    store: Mutex<Option<Store>>,
    pub calls: Mutex<Vec<(String, Value)>>,
}

impl Hosts {
    pub fn new(names: &[&str]) -> Self {
        Self {
            names: names.iter().map(|n| HostName::from(*n)).collect(),
            state: Mutex::default(),
            compute: Mutex::default(),
            store: Mutex::default(),
            calls: Mutex::default(),
        }
    }

    pub fn report_to(&self, compute: &Compute) {
        *self.compute.lock() = Some(compute.clone());
    }

    pub fn guests(&self) -> Vec<(ServerId, Guest)> {
        self.state.lock().guests.iter().map(|((id, _), g)| (id.clone(), g.clone())).collect()
    }

    pub fn guest(&self, id: &str) -> Option<Guest> {
        self.state.lock().guests.iter().find(|((server, _), _)| server.as_str() == id).map(|(_, g)| g.clone())
    }

    /// The host and the names of a server's local disks, wherever there are some.
    pub fn disks(&self) -> Vec<(ServerId, HostName, BTreeSet<String>)> {
        self.state.lock().disks.iter().map(|((id, host), names)| (id.clone(), host.clone(), names.clone())).collect()
    }

    pub fn mood(&self, host: &str, change: impl FnOnce(&mut Mood)) {
        change(self.state.lock().moods.entry(host.into()).or_default());
    }

    fn mood_of(&self, host: &HostName) -> Mood {
        self.state.lock().moods.get(host).cloned().unwrap_or_default()
    }

    /// The guest does something by itself.
    pub async fn guest_becomes(&self, id: &str, state: VmState) {
        let seen = {
            let mut all = self.state.lock();
            all.sequence += 1;
            let sequence = all.sequence;
            let guests = all.guests.iter_mut();
            let guest = guests.map(|((server, _), g)| (server, g)).find(|(s, _)| s.as_str() == id).expect("a guest").1;
            guest.state = state;
            observation(&id.into(), guest, sequence, None)
        };
        self.report(vec![seen]).await;
    }

    pub async fn report(&self, seen: Vec<VmObserved>) {
        let compute = self.compute.lock().clone();
        if let Some(compute) = compute {
            compute.observe(seen).await.unwrap();
        }
    }

    /// Makes one intent so, unless the host is not in the mood; what it then says.
    fn carry_out(&self, intent: &VmIntent) -> Option<VmObserved> {
        let mood = self.mood_of(&intent.host);
        if mood.silent || mood.away {
            return None;
        }
        let mut all = self.state.lock();
        all.sequence += 1;
        let sequence = all.sequence;
        let (id, key) = (&intent.server, (intent.server.clone(), intent.host.clone()));
        if matches!(intent.power, Power::Absent | Power::Parked) {
            all.guests.remove(&key);
            if intent.power == Power::Absent {
                all.disks.remove(&key);
            }
            let absent = Guest {
                host: intent.host.clone(),
                state: VmState::Absent,
                generation: intent.generation,
                reboots: intent.reboots,
                volumes: vec![],
                ports: vec![],
                sent: false,
                shape: (0, 0),
                starts: 0,
            };
            return Some(observation(id, &absent, sequence, None));
        }
        let before = all.guests.get(&key).cloned();
        if before.as_ref().is_some_and(|g| g.generation >= intent.generation) {
            return None;
        }
        if let Some(why) = mood.refuses.filter(|_| before.is_none()) {
            let mut absent = guest_of(intent, VmState::Absent);
            (absent.volumes, absent.ports) = (vec![], vec![]);
            return Some(observation(id, &absent, sequence, Some(why)));
        }
        let state = match intent.power {
            Power::Running => VmState::Running,
            Power::Paused => VmState::Paused,
            Power::Suspended => VmState::Suspended,
            Power::Stopped | Power::Parked | Power::Absent => VmState::Shutdown,
            Power::Arriving => VmState::Arriving,
            Power::Leaving => VmState::Paused,
        };
        let own: BTreeSet<String> = intent.local_disks.iter().map(|d| d.name.clone()).collect();
        let disks = all.disks.entry(key.clone()).or_default();
        disks.retain(|name| own.contains(name) || intent.kept_disks.contains(name));
        disks.extend(own);
        let mut guest = guest_of(intent, state);
        let mut error = None;
        if let Some(before) = &before {
            guest.sent = before.sent;
            let ran = before.state == VmState::Running && guest.reboots == before.reboots;
            guest.starts = before.starts + u32::from(!ran && guest.state == VmState::Running);
            if let Some(why) =
                mood.rigid.filter(|_| ran && guest.state == VmState::Running && guest.shape != before.shape)
            {
                (guest.shape, error) = (before.shape, Some(why));
            }
            if before.sent && state == VmState::Running {
                (guest.state, error) = (VmState::Paused, Some("the guest has gone to another host".to_owned()));
            }
            if let Some(why) = mood.unlucky.filter(|_| before.state == VmState::Arriving && state != VmState::Arriving)
            {
                (guest.state, error) = (VmState::Arriving, Some(why));
            }
        }
        if guest.state == VmState::Running {
            let others = all.guests.iter().filter(|((server, host), _)| server == id && *host != intent.host);
            // What a host does that nobody hears of, nobody can tell.
            let heard = |host: &HostName| !all.moods.get(host).is_some_and(|mood| mood.away);
            let others = others.filter(|((_, host), _)| heard(host));
            let running: Vec<_> = others.filter(|(_, g)| g.state == VmState::Running).map(|((_, h), _)| h).collect();
            let twice = running.first().map(|other| format!("{id} on {} and {other}", intent.host));
            all.twice.extend(twice);
        }
        if let Some(before) = before.filter(|_| mood.sticky)
            && before.volumes.iter().any(|v| !guest.volumes.contains(v))
        {
            guest.volumes = before.volumes;
            error = Some("the guest does not let the disk go".to_owned());
        }
        let seen = observation(id, &guest, sequence, error);
        all.guests.insert(key, guest);
        Some(seen)
    }
}

fn guest_of(intent: &VmIntent, state: VmState) -> Guest {
    Guest {
        host: intent.host.clone(),
        state,
        generation: intent.generation,
        reboots: intent.reboots,
        volumes: intent.volumes.iter().map(|v| v.volume.clone()).collect(),
        ports: intent.ports.iter().map(|p| p.bound.port.clone()).collect(),
        sent: false,
        shape: (intent.spec.vcpus, intent.spec.memory_mib),
        starts: 0,
    }
}

fn observation(id: &ServerId, guest: &Guest, sequence: u64, error: Option<String>) -> VmObserved {
    VmObserved {
        server: id.clone(),
        host: guest.host.clone(),
        generation: guest.generation,
        sequence,
        state: guest.state,
        reboots: guest.reboots,
        error,
        volumes: guest.volumes.clone(),
        ports: guest.ports.clone(),
        at: Timestamp::default(),
        spare: false,
    }
}

/// Guests on their way.
impl Hosts {
    async fn send(&self, host: &HostName, params: &Value) -> Result<Value> {
        let server = ServerId::from(params["server"].as_str().unwrap_or_default());
        self.state.lock().hastened.remove(&server);
        while self.mood_of(host).slow && !self.state.lock().hastened.contains(&server) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        if let Some(why) = self.mood_of(host).refuses {
            return Err(Error::conflict(why));
        }
        let mood = self.mood_of(host);
        let mut all = self.state.lock();
        let guest = all.guests.get_mut(&(server, host.clone())).ok_or_else(|| Error::not_found("no guest"))?;
        if guest.state == VmState::Crashed {
            return Err(Error::conflict("the guest does not run"));
        }
        if mood.deadly {
            guest.state = VmState::Crashed;
            return Err(Error::unavailable("the hypervisor does not answer"));
        }
        (guest.state, guest.sent) = (VmState::Paused, true);
        Ok(json!("all"))
    }

    fn of_guest(&self, host: &HostName, method: &str, params: &Value) -> Result<Value> {
        let mut all = self.state.lock();
        let server = ServerId::from(params["server"].as_str().unwrap_or_default());
        let found = all.guests.get_mut(&(server.clone(), host.clone()));
        if method == "vm.status" {
            let state = found.map_or(VmState::Absent, |g| g.state);
            return Ok(json!({"server": server, "state": state, "generation": 0, "disks": [], "ports": []}));
        }
        let guest = found.ok_or_else(|| Error::not_found("no guest"))?;
        if guest.state == VmState::Crashed {
            return Err(Error::conflict("the guest does not run"));
        }
        match (method, guest.sent, params["known"].as_str()) {
            ("vm.progress", sent, _) => {
                let mut progress = serde_json::to_value(compute::driver::Progress::default()).unwrap();
                progress["stage"] = json!(if sent { "sent" } else { "none" });
                return Ok(progress);
            }
            (_, true, Some("if_here")) => return Err(Error::conflict("the guest has left already")),
            _ => guest.sent = false,
        }
        Ok(Value::Null)
    }

    fn hold(&self, host: &HostName, held: bool, params: &Value) -> Result<Value> {
        if self.mood_of(host).deaf {
            return Err(Error::conflict("the guest's agent does not answer"));
        }
        let server = params["server"].as_str().unwrap_or_default().to_owned();
        let mut all = self.state.lock();
        let changed = if held { all.held.insert(server) } else { all.held.remove(&server) };
        Ok(json!({"was_held": changed}))
    }

    /// Guests whose file systems are held.
    pub fn held(&self) -> Vec<String> {
        self.state.lock().held.iter().cloned().collect()
    }

    pub fn twice(&self) -> Vec<String> {
        self.state.lock().twice.clone()
    }
}

#[async_trait]
impl HostCalls for Hosts {
    async fn call(&self, host: &HostName, method: &str, params: Value, _: Duration) -> Result<Value> {
        if self.mood_of(host).away {
            return Err(Error::unavailable("the host is not connected"));
        }
        self.calls.lock().push((method.to_owned(), params.clone()));
        match method {
            "vm.console_log" => Ok(json!({"log": "one\ntwo\u{1b}[0m\nthree"})),
            "vm.snapshot" => {
                if let Some(why) = self.mood_of(host).refuses {
                    return Err(Error::conflict(why));
                }
                let store = self.store.lock().clone().expect("a store");
                let image = params["image"].as_str().unwrap_or_default().to_owned();
                let filled = store.transact("test", move |tx| {
                    tx.update::<Image>(&image, |i| i.0.status = "active".into());
                    Ok(())
                });
                filled.await.map(|()| Value::Null)
            }
            "vm.freeze" | "vm.thaw" => self.hold(host, method == "vm.freeze", &params),
            "vm.landing" => Ok(json!({"host": host, "address": "::", "memory": 1, "disks": 1})),
            "vm.send" => self.send(host, &params).await,
            "vm.hasten" => {
                let server = ServerId::from(params["server"].as_str().unwrap_or_default());
                self.state.lock().hastened.insert(server);
                Ok(Value::Null)
            }
            "vm.status" | "vm.progress" | "vm.call_off" => self.of_guest(host, method, &params),
            "vm.resize_disk" | "vm.set_password" | "vm.inject_nmi" => Ok(Value::Null),
            other => Err(Error::not_implemented(other)),
        }
    }

    async fn join(&self, from: Call<'_>, to: Call<'_>, _: Duration) -> Result<()> {
        if [from.host, to.host].into_iter().any(|host| self.mood_of(host).away) {
            return Err(Error::unavailable("the host is not connected"));
        }
        if let Some(why) = self.mood_of(to.host).refuses {
            return Err(Error::conflict(why));
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (server, name) = (ServerId::from(text(&from.params["server"])), text(&from.params["name"]));
        let mut all = self.state.lock();
        if !all.disks.get(&(server.clone(), from.host.clone())).is_some_and(|names| names.contains(&name)) {
            return Err(Error::not_found(format!("{} has no disk {name} of {server}", from.host)));
        }
        all.disks.entry((server, to.host.clone())).or_default().insert(text(&to.params["disk"]["name"]));
        drop(all);
        self.calls.lock().extend([from, to].map(|call| (call.method.to_owned(), call.params)));
        Ok(())
    }

    fn load(&self, _: &HostName) -> Option<Load> {
        Some(Load { cpu: 0.1, memory: 0.2, ready: [0.25, 1.5, 2.0], up_seconds: 93_784 })
    }

    fn hosts(&self) -> Vec<HostStatus> {
        let status = |host: &HostName| HostStatus {
            host: host.clone(),
            connected: !self.mood_of(host).away,
            last_seen: Timestamp::from_secs(1),
        };
        self.names.iter().map(status).collect()
    }
}

/// The agents of all hosts; they end when dropped.
pub struct Agents(JoinHandle<()>);

impl Agents {
    pub fn start(store: &Store, hosts: &Arc<Hosts>) -> Self {
        *hosts.store.lock() = Some(store.clone());
        let (store, hosts) = (store.clone(), hosts.clone());
        Self(tokio::spawn(async move {
            let mut watch = store.watch();
            let mut waiting: BTreeSet<String> = BTreeSet::new();
            loop {
                tokio::select! {
                    item = watch.next() => if let WatchItem::Batch(batch) = item {
                        waiting.extend(batch.of::<VmIntent>().map(|c| c.key.as_str().to_owned()));
                    },
                    // Hosts that were silent or away may have come back.
                    () = tokio::time::sleep(Duration::from_millis(10)) => {
                        waiting.extend(store.snapshot().all::<VmIntent>().map(|i| i.key().as_str().to_owned()));
                    }
                }
                for id in std::mem::take(&mut waiting) {
                    let intent = store.snapshot().get::<VmIntent>(&id);
                    if let Some(seen) = intent.and_then(|i| hosts.carry_out(&i)) {
                        hosts.report(vec![seen]).await;
                    }
                }
            }
        }))
    }
}

impl Drop for Agents {
    fn drop(&mut self) {
        self.0.abort();
    }
}

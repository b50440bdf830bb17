use super::{Call, FakeCloud, Held, State};
use async_trait::async_trait;
use kernel::{Error, HostName, PortId, Result};
use network::{
    driver::{Change, LQos, Logical, LogicalKey, NetworkBackend},
    model::qos::RuleType,
};
use std::collections::BTreeMap;

pub struct FakeBackend {
    pub(super) cloud: FakeCloud,
}

impl State {
    fn put(&mut self, object: &Logical) -> Result<()> {
        let key = object.key();
        if let Some(missing) = object.needs().into_iter().find(|needed| !self.objects.contains_key(needed)) {
            return Err(Error::conflict(format!("{key} cannot be put before {missing}")).with_code("MissingReference"));
        }
        if self.objects.get(&key).is_none_or(|held| held.tampered || held.object != *object) {
            self.writes += 1;
            let digest = object.digest();
            self.objects.insert(key, Held { object: object.clone(), digest, tampered: false });
        }
        Ok(())
    }

    fn remove(&mut self, key: &LogicalKey) {
        if self.objects.remove(key).is_some() {
            self.writes += 1;
        }
    }

    fn is_up(&self, port: &PortId) -> bool {
        let Some(Held { object: Logical::Port(object), .. }) = self.objects.get(&LogicalKey::Port(port.clone())) else {
            return false;
        };
        let may_be =
            |host: &HostName| object.standby.contains(host) || object.host.as_ref().is_none_or(|wanted| wanted == host);
        self.hosts.iter().any(|(name, host)| may_be(name) && host.plugs.contains_key(port))
    }
}

#[async_trait]
impl NetworkBackend for FakeBackend {
    fn name(&self) -> &'static str {
        "fake"
    }

    fn enforces(&self) -> &'static [RuleType] {
        &RuleType::EVERY
    }

    async fn apply(&self, changes: &[Change]) -> Result<()> {
        self.cloud.enter(Call::Apply).await?;
        let mut state = self.cloud.state.lock();
        for change in changes {
            match change {
                Change::Put(object) => state.put(object)?,
                Change::Remove(key) => state.remove(key),
            }
        }
        Ok(())
    }

    async fn dump(&self) -> Result<BTreeMap<LogicalKey, u64>> {
        self.cloud.enter(Call::Dump).await?;
        let state = self.cloud.state.lock();
        let digest = |held: &Held| if held.tampered { !held.digest } else { held.digest };
        Ok(state.objects.iter().map(|(key, held)| (key.clone(), digest(held))).collect())
    }

    async fn port_up(&self, port: &PortId) -> Result<bool> {
        self.cloud.enter(Call::PortUp).await?;
        Ok(self.cloud.state.lock().is_up(port))
    }

    async fn limits_of(&self, port: &PortId) -> Result<Option<LQos>> {
        let state = self.cloud.state.lock();
        let held = state.objects.get(&LogicalKey::Port(port.clone())).map(|held| &held.object);
        Ok(match held {
            Some(Logical::Port(port)) => Some(port.qos.clone()),
            _ => None,
        })
    }

    async fn hosts(&self) -> Result<Vec<(HostName, bool)>> {
        self.cloud.enter(Call::Hosts).await?;
        Ok(self.cloud.hosts())
    }
}

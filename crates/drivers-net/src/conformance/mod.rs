//! What every network driver must do: run by the fake and by OVN. Each check is a function that panics with what it saw;
//! [`all`] runs them one after the other on one subject and leaves it empty.

mod backend;
mod host;
pub mod objects;

use async_trait::async_trait;
use kernel::{HostName, PortId};
use network::driver::{HostNetwork, Logical, LogicalKey, NetworkBackend};
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

/// A driver under test: the region's back end, and one host of it.
#[async_trait]
pub trait Subject: Send + Sync {
    fn backend(&self) -> &dyn NetworkBackend;
    fn host(&self) -> Arc<dyn HostNetwork>;
    fn host_name(&self) -> HostName;
    /// How often the back end has written; a call that finds everything as it should be must not raise it.
    fn writes(&self) -> u64;
    /// Changes the port behind the back end's back.
    async fn tamper(&self, port: &PortId);
}

pub async fn all(subject: &dyn Subject) {
    backend::what_was_put_shows_and_putting_it_again_writes_nothing(subject).await;
    backend::a_replacement_shows(subject).await;
    backend::removing_is_idempotent_and_leaves_nothing(subject).await;
    backend::the_last_change_of_a_batch_counts(subject).await;
    backend::after_a_crash_everything_may_come_again(subject).await;
    backend::what_needs_something_else_is_refused_without_it(subject).await;
    backend::what_somebody_changed_shows_and_is_repaired(subject).await;
    backend::many_writers_lose_nothing(subject).await;
    host::a_port_is_up_while_it_is_put_and_plugged(subject).await;
    host::plugging_and_unplugging_are_idempotent(subject).await;
    host::a_device_serves_one_port(subject).await;
    host::metadata_is_served_for_exactly_the_networks_named(subject).await;
    host::the_host_is_known_and_alive(subject).await;
}

/// Waits for a condition that must come true.
async fn eventually<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let started = Instant::now();
    while !condition().await {
        assert!(started.elapsed() < Duration::from_secs(60), "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn digests<'a>(objects: impl IntoIterator<Item = &'a Logical>) -> BTreeMap<LogicalKey, u64> {
    objects.into_iter().map(|o| (o.key(), o.digest())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{FakeBackend, FakeCloud, FakeHost};

    struct Fake {
        cloud: FakeCloud,
        backend: FakeBackend,
        host: Arc<FakeHost>,
    }

    #[async_trait]
    impl Subject for Fake {
        fn backend(&self) -> &dyn NetworkBackend {
            &self.backend
        }
        fn host(&self) -> Arc<dyn HostNetwork> {
            self.host.clone()
        }
        fn host_name(&self) -> HostName {
            "h1".into()
        }
        fn writes(&self) -> u64 {
            self.cloud.writes()
        }
        async fn tamper(&self, port: &PortId) {
            self.cloud.tamper(&LogicalKey::Port(port.clone()));
        }
    }

    #[tokio::test]
    async fn the_fake_conforms() {
        let cloud = FakeCloud::new();
        let fake = Fake { backend: cloud.backend(), host: Arc::new(cloud.host("h1".into())), cloud };
        all(&fake).await;
    }

    #[test]
    fn keys_survive_their_text_and_digests_tell_objects_apart() {
        let objects = objects::one_of_everything();
        let mut digests: Vec<_> = objects.iter().map(Logical::digest).collect();
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), objects.len());
        for object in &objects {
            let text = serde_json::to_string(object).unwrap();
            assert_eq!(serde_json::from_str::<Logical>(&text).unwrap().digest(), object.digest(), "{text}");
            assert_eq!(object.key().to_string().parse::<LogicalKey>().unwrap(), object.key());
        }
        assert!("flavor/x".parse::<LogicalKey>().is_err());
    }
}

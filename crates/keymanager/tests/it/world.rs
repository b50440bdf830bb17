//! The key manager with clients, and a sealer whose ring can be turned.

use async_trait::async_trait;
use base64::{Engine, prelude::BASE64_STANDARD};
use http::testkit::{Answer, Api, Tokens, deps_at, member_of};
use kernel::{Credentials, ManualClock, Result, Scope, Timestamp};
use keymanager::{KeyManager, KeyManagerDeps, model::Secret};
use policy::Policies;
use ports::{
    KeyBytes, Sealer,
    quota::{QuotaLimits, QuotaUsage},
};
use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};
use store::{Schema, Snapshot, Store};

/// Seals by XOR with the number of the ring's turn, after a mark that tells it: enough to see what was sealed, and with what.
#[derive(Default)]
pub struct Ring {
    pub turn: AtomicU8,
    /// Turns whose keys are gone.
    pub forgotten: AtomicU8,
}

impl Ring {
    fn mix(content: &[u8], turn: u8) -> Vec<u8> {
        content.iter().map(|b| b ^ (0xa5 ^ turn)).collect()
    }
}

#[async_trait]
impl Sealer for Ring {
    fn seal(&self, _: &Snapshot, content: &[u8]) -> Result<String> {
        let turn = self.turn.load(Ordering::Relaxed);
        Ok(format!("{turn}:{}", BASE64_STANDARD.encode(Self::mix(content, turn))))
    }
    fn open(&self, _: &Snapshot, sealed: &str) -> Result<Option<KeyBytes>> {
        let (turn, text) = sealed.split_once(':').expect("sealed here");
        let turn: u8 = turn.parse().expect("sealed here");
        if turn < self.forgotten.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let octets = BASE64_STANDARD.decode(text).expect("sealed here");
        Ok(Some(KeyBytes::new(Self::mix(&octets, turn))))
    }
    fn is_current(&self, _: &Snapshot, sealed: &str) -> Result<bool> {
        Ok(sealed.starts_with(&format!("{}:", self.turn.load(Ordering::Relaxed))))
    }
    async fn forget_old_keys(&self) -> Result<()> {
        self.forgotten.store(self.turn.load(Ordering::Relaxed), Ordering::Relaxed);
        Ok(())
    }
}

pub struct World {
    pub service: KeyManager,
    pub store: Store,
    pub ring: Arc<Ring>,
    pub clock: Arc<ManualClock>,
    api: Api,
}

impl World {
    pub async fn new() -> Self {
        let schema = keymanager::schema(Schema::new()).with::<QuotaUsage>().with::<QuotaLimits>();
        let store = Store::in_memory(schema).await;
        let clock = ManualClock::at(Timestamp::parse("2026-01-01T00:00:00Z").unwrap());
        let ring = Arc::new(Ring::default());
        let service =
            KeyManager::new(KeyManagerDeps { store: store.clone(), clock: clock.clone(), sealer: ring.clone() });
        service.bootstrap().await.unwrap();
        let system = Credentials { scope: Scope::System, ..member_of("", "sue", &["admin", "member", "reader"]) };
        let tokens = Tokens::default()
            .with("admin", member_of("p1", "ann", &["admin", "member", "reader"]))
            .with("mia", member_of("p1", "mia", &["member", "reader"]))
            .with("max", member_of("p1", "max", &["member", "reader"]))
            .with("ray", member_of("p1", "ray", &["reader"]))
            .with("oli", member_of("p2", "oli", &["member", "reader"]))
            .with("boss", member_of("p2", "bob", &["admin", "member", "reader"]))
            .with("system", system);
        let policies = Policies::new(&[&keymanager::policy::POLICY]).unwrap();
        let api = Api::new(keymanager::api::finish(service.clone(), deps_at(tokens, policies, clock.clone())));
        Self { service, store, ring, clock, api }
    }

    pub fn nobody(&self) -> &Api {
        &self.api
    }

    pub fn as_(&self, who: &str) -> Api {
        self.api.token(who)
    }

    pub fn secrets(&self) -> Vec<Arc<Secret>> {
        self.store.snapshot().all().collect()
    }

    /// Stores a secret and gives its id.
    pub async fn store_secret(&self, who: &str, body: Value) -> String {
        let made = expect(&self.as_(who).call("POST /key-manager/v1/secrets", body).await, 201);
        id(&made["secret_ref"])
    }

    /// One with a text.
    pub async fn passphrase(&self, who: &str, text: &str) -> String {
        let body = json!({"name": "pass", "payload": text, "payload_content_type": "text/plain"});
        self.store_secret(who, body).await
    }
}

/// The id at a reference's end.
pub fn id(reference: &Value) -> String {
    reference.as_str().unwrap().rsplit('/').next().unwrap().to_owned()
}

#[track_caller]
pub fn expect(answer: &Answer, status: u16) -> Value {
    assert_eq!(answer.status, status, "{}", answer.text());
    answer.json()
}

/// A fault in Barbican's form that says `part`.
#[track_caller]
pub fn refused(answer: &Answer, status: u16, part: &str) {
    assert_eq!(answer.status, status, "{}", answer.text());
    let body = answer.json();
    assert_eq!(body["code"], status, "{body}");
    assert!(body["description"].as_str().unwrap().contains(part), "{body}");
}

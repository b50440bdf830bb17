//! What a login by password costs beside the hash that it cannot do without: `cargo run --release -p identity --example login`.
//!
//! One JSON object: CPU-milliseconds of this process per bare hash (bcrypt, Keystone's 12 rounds), per login through the router
//! with nothing verified before, and their ratio.

use http::testkit::Api;
use identity::{BootstrapSpec, Identity, IdentityConfig};
use kernel::{Clock, SystemClock};
use serde_json::json;
use std::{fs, sync::Arc};
use store::{Schema, Store};

const TIMES: u32 = 16;
const ROUNDS: u32 = 12;
const PASSWORD: &str = "correct horse battery staple";

/// Of all threads, in milliseconds: the kernel counts a hundredth of a second at a time.
fn cpu() -> u32 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<u32>().ok()).unwrap_or(0);
    (ticks(11) + ticks(12)) * 10
}

async fn cloud() -> Api {
    let mut config = IdentityConfig::default();
    config.passwords.rounds = Some(ROUNDS);
    config.passwords.verified_cache_seconds = 0;
    let clock: Arc<dyn Clock> = SystemClock::shared();
    let store = Store::in_memory(identity::schema(Schema::new())).await;
    let identity = Identity::new(store, Arc::clone(&clock), config);
    let spec = BootstrapSpec {
        admin_password: PASSWORD.into(),
        region: "RegionOne".into(),
        base_url: "http://localhost:5000".into(),
    };
    identity::bootstrap(&identity, spec).await.expect("an empty store is bootstrapped");
    let deps = http::Deps {
        tokens: Arc::new(identity.clone()),
        policy: policy::Policies::new(&[&identity::policy::POLICY]).expect("the rules are right"),
        clock,
        body_limit: http::Deps::BODY_LIMIT,
        timeout: http::Deps::TIMEOUT,
    };
    Api::new(identity::router(identity, deps))
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let api = cloud().await;
    let user = json!({"name": "admin", "domain": {"id": "default"}, "password": PASSWORD});
    let scope = json!({"project": {"name": "admin", "domain": {"id": "default"}}});
    let auth = json!({"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}});
    let hashed = bcrypt::hash(PASSWORD, ROUNDS).expect("a password is hashed");
    let (mut hashes, mut logins) = (0, 0);
    // In turns, so that whatever else the machine does is beside both.
    for _ in 0..TIMES {
        let began = cpu();
        assert!(bcrypt::verify(PASSWORD, &hashed).is_ok_and(|right| right));
        let between = cpu();
        let answer = api.call("POST /identity/v3/auth/tokens", auth.clone()).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        hashes += between - began;
        logins += cpu() - between;
    }
    let each = |total: u32| f64::from(total) / f64::from(TIMES);
    let ratio = (f64::from(logins) / f64::from(hashes) * 1000.0).round() / 1000.0;
    println!("{}", json!({"hash_cpu_ms": each(hashes), "login_cpu_ms": each(logins), "ratio": ratio}));
}

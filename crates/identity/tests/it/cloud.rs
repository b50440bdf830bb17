//! A cloud with nothing but identity: an empty store, bootstrapped, its clock moved by the tests.

use http::{
    Router,
    testkit::{Answer, Api},
};
use identity::{BootstrapSpec, Identity, IdentityConfig};
use kernel::{Clock, ManualClock, Timestamp};
use serde_json::{Value, json};
use std::sync::Arc;
use store::{Schema, Store};

pub const PASSWORD: &str = "s3cret";
pub const BASE: &str = "http://cloud.test:5000/identity/v3";

pub struct Cloud {
    pub api: Api,
    pub identity: Identity,
    pub clock: Arc<ManualClock>,
}

/// Keystone's defaults, but hashes that take no time.
pub fn config() -> IdentityConfig {
    let mut config = IdentityConfig::default();
    config.passwords.rounds = Some(4);
    config.passwords.verified_cache_seconds = 0;
    config
}

pub fn bootstrap_spec() -> BootstrapSpec {
    BootstrapSpec {
        admin_password: PASSWORD.into(),
        region: "RegionOne".into(),
        base_url: "http://cloud.test:5000".into(),
    }
}

impl Cloud {
    pub async fn new() -> Self {
        Self::with(config()).await
    }

    pub async fn with(config: IdentityConfig) -> Self {
        let clock = ManualClock::at(Timestamp::from_secs(1_800_000_000));
        let store = Store::in_memory(identity::schema(Schema::new())).await;
        let identity = Identity::new(store, clock.clone(), config);
        identity::bootstrap(&identity, bootstrap_spec()).await.unwrap();
        Self { api: Api::new(router(&identity, &clock)), identity, clock }
    }

    /// Another member with the same state.
    pub fn twin(&self) -> Router {
        let clock = Arc::clone(&self.clock);
        router(&Identity::new(self.identity.store().clone(), clock, self.identity.config().clone()), &self.clock)
    }

    pub async fn authenticate(&self, auth: Value) -> Answer {
        self.api.call("POST /identity/v3/auth/tokens", json!({"auth": auth})).await
    }

    pub async fn login(&self, user: &str, password: &str, scope: Value) -> Answer {
        self.authenticate(by_password(user, password, scope)).await
    }

    /// A token, or a panic that says why not.
    pub async fn token(&self, user: &str, password: &str, scope: Value) -> String {
        token_of(&self.login(user, password, scope).await)
    }

    /// A client with a token of `user`, whose password is the usual one.
    pub async fn as_user(&self, user: &str, scope: Value) -> Api {
        self.api.token(&self.token(user, PASSWORD, scope).await)
    }

    /// The bootstrapped administrator, on the project `admin`.
    pub async fn admin(&self) -> Api {
        self.api.token(&self.admin_token().await)
    }

    pub async fn admin_token(&self) -> String {
        self.token("admin", PASSWORD, on_project("admin")).await
    }
}

fn router(identity: &Identity, clock: &Arc<ManualClock>) -> Router {
    let deps = http::Deps {
        tokens: Arc::new(identity.clone()),
        policy: policy::Policies::new(&[&identity::policy::POLICY]).unwrap(),
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        body_limit: http::Deps::BODY_LIMIT,
        timeout: http::Deps::TIMEOUT,
    };
    identity::router(identity.clone(), deps)
}

pub fn token_of(answer: &Answer) -> String {
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.header("x-subject-token")
}

/// Users and projects are named in the default domain.
pub fn by_password(user: &str, password: &str, scope: Value) -> Value {
    let user = json!({"name": user, "domain": {"id": "default"}, "password": password});
    let mut auth = json!({"identity": {"methods": ["password"], "password": {"user": user}}});
    if !scope.is_null() {
        auth["scope"] = scope;
    }
    auth
}

pub fn by_token(token: &str, scope: Value) -> Value {
    let mut auth = json!({"identity": {"methods": ["token"], "token": {"id": token}}});
    if !scope.is_null() {
        auth["scope"] = scope;
    }
    auth
}

pub fn on_project(name: &str) -> Value {
    json!({"project": {"name": name, "domain": {"id": "default"}}})
}

pub fn on_project_id(id: &str) -> Value {
    json!({"project": {"id": id}})
}

pub fn on_domain(id: &str) -> Value {
    json!({"domain": {"id": id}})
}

pub fn on_system() -> Value {
    json!({"system": {"all": true}})
}

/// Calls that tests make over and over.
pub trait Calls {
    /// Sends and expects a status; the body.
    async fn expect(&self, status: u16, request: &str, body: impl Into<Option<Value>>) -> Value;

    /// Creates a resource, `create("project", json!({"name": "p"}))`, and answers its id.
    async fn create(&self, what: &str, resource: Value) -> String;

    async fn user(&self, name: &str) -> String {
        self.create("user", json!({"name": name, "password": PASSWORD})).await
    }

    async fn role(&self, name: &str) -> String;

    /// `grant("projects/P/users/U", "member")`
    async fn grant(&self, place: &str, role: &str);
}

impl Calls for Api {
    async fn expect(&self, status: u16, request: &str, body: impl Into<Option<Value>>) -> Value {
        let (method, path) = request.split_once(' ').unwrap();
        let answer = self.call(&format!("{method} /identity/v3{path}"), body).await;
        assert_eq!(answer.status, status, "{request}: {}", answer.text());
        answer.json()
    }

    async fn create(&self, what: &str, resource: Value) -> String {
        let made = self.expect(201, &format!("POST /{what}s"), json!({what: resource})).await;
        made[what]["id"].as_str().unwrap().to_owned()
    }

    async fn role(&self, name: &str) -> String {
        let found = self.expect(200, &format!("GET /roles?name={name}"), None).await;
        found["roles"][0]["id"].as_str().unwrap_or_else(|| panic!("there is no role {name}")).to_owned()
    }

    async fn grant(&self, place: &str, role: &str) {
        let role = self.role(role).await;
        self.expect(204, &format!("PUT /{place}/roles/{role}"), None).await;
    }
}

//! A region's network service in memory, with people who use it.

use async_trait::async_trait;
use flow::spawn_reconciler;
use http::testkit::{Answer, Api, Tokens, deps_at, member_of};
use kernel::{Clock, Ctx, Error, HostName, ManualClock, PortId, Result, SystemClock, Timestamp};
use network::{
    BootstrapSpec, Deps, Network, Settings, bootstrap,
    driver::{Change, Logical, LogicalKey, NetworkBackend},
    model::qos::RuleType,
    traffic::{TrafficQuestion, TrafficReport},
};
use parking_lot::Mutex;
use policy::Policies;
use ports::{HostCalls, HostStatus};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use store::{Memory, Schema, Store};
use tokio::task::JoinHandle;

/// Projects are 32 hexadecimal digits, as Keystone's.
pub const ADMINS: &str = "0000000000000000000000000000000a";
pub const RED: &str = "1111111111111111111111111111111a";
pub const BLUE: &str = "2222222222222222222222222222222b";

/// What a back end holds, checking as it goes that nothing ever refers to what is not there.
#[derive(Default)]
pub struct Recorder {
    held: Mutex<BTreeMap<LogicalKey, Logical>>,
    /// Every change in order.
    log: Mutex<Vec<String>>,
    /// References to what is not there, as they were seen. A panic would end in the reconciler, which goes on.
    dangling: Mutex<Vec<String>>,
    /// Objects it does not take.
    refuse: Mutex<BTreeSet<LogicalKey>>,
    /// Answers nothing while true.
    pub down: Mutex<bool>,
}

impl Recorder {
    pub fn held(&self) -> BTreeMap<LogicalKey, Logical> {
        self.held.lock().clone()
    }

    pub fn get(&self, key: &LogicalKey) -> Option<Logical> {
        self.held.lock().get(key).cloned()
    }

    pub fn log(&self) -> Vec<String> {
        self.log.lock().clone()
    }

    pub fn refuse(&self, key: LogicalKey, on: bool) {
        if on {
            self.refuse.lock().insert(key)
        } else {
            self.refuse.lock().remove(&key)
        };
    }

    /// Somebody else's hand.
    pub fn tamper(&self, change: impl FnOnce(&mut BTreeMap<LogicalKey, Logical>)) {
        change(&mut self.held.lock());
    }
}

/// What an object refers to.
fn references(object: &Logical) -> Vec<LogicalKey> {
    let network = |id: &kernel::NetworkId| LogicalKey::Network(id.clone());
    match object {
        Logical::Network(_) => vec![],
        Logical::Subnet(s) => vec![network(&s.network)],
        Logical::SecurityGroup(_) => vec![],
        Logical::Port(p) => {
            let groups = p.groups.iter().map(|g| LogicalKey::SecurityGroup(g.clone()));
            let subnets = p.addresses.iter().map(|(_, s)| LogicalKey::Subnet(s.clone()));
            groups.chain(subnets).chain([network(&p.network)]).collect()
        }
        Logical::Router(r) => r.gateway.iter().map(|g| network(&g.network)).collect(),
        Logical::RouterInterface(i) => vec![network(&i.network), LogicalKey::Router(i.router.clone())],
        Logical::PortForwarding(f) => vec![LogicalKey::Router(f.router.clone())],
        Logical::FloatingIp(f) => vec![LogicalKey::Router(f.router.clone()), LogicalKey::Port(f.port.clone())],
    }
}

#[async_trait]
impl NetworkBackend for Recorder {
    fn name(&self) -> &'static str {
        "recorder"
    }

    fn enforces(&self) -> &'static [RuleType] {
        &[RuleType::BandwidthLimit, RuleType::DscpMarking, RuleType::MinimumBandwidth]
    }

    async fn apply(&self, changes: &[Change]) -> Result<()> {
        if *self.down.lock() {
            return Err(Error::unavailable("the back end is away"));
        }
        let mut held = self.held.lock();
        for change in changes {
            match change {
                Change::Put(object) => {
                    let key = object.key();
                    if self.refuse.lock().contains(&key) {
                        return Err(Error::internal(format!("{key} is not to my liking")));
                    }
                    let absent = references(object).into_iter().filter(|r| !held.contains_key(r));
                    self.dangling.lock().extend(absent.map(|r| format!("{key} refers to {r}, which is not there")));
                    self.log.lock().push(format!("put {key}"));
                    held.insert(key, object.clone());
                }
                Change::Remove(key) => {
                    held.remove(key);
                    let left = held.values().filter(|o| references(o).contains(key));
                    self.dangling
                        .lock()
                        .extend(left.map(|o| format!("{key} is removed while {} refers to it", o.key())));
                    self.log.lock().push(format!("remove {key}"));
                }
            }
        }
        Ok(())
    }

    async fn dump(&self) -> Result<BTreeMap<LogicalKey, u64>> {
        if *self.down.lock() {
            return Err(Error::unavailable("the back end is away"));
        }
        Ok(self.held.lock().iter().map(|(key, object)| (key.clone(), object.digest())).collect())
    }

    async fn port_up(&self, port: &PortId) -> Result<bool> {
        Ok(self.held.lock().contains_key(&LogicalKey::Port(port.clone())))
    }

    async fn hosts(&self) -> Result<Vec<(HostName, bool)>> {
        Ok(vec![("h1".into(), true)])
    }
}

/// Two hosts, one of them away.
#[derive(Default)]
pub struct TwoHosts {
    /// What the first says that it counted; `None`: it does not answer.
    pub counted: Mutex<Option<Vec<TrafficReport>>>,
    /// What it was told to forget, so far.
    pub written: Mutex<BTreeSet<(PortId, String)>>,
}

#[async_trait]
impl HostCalls for TwoHosts {
    async fn call(&self, host: &HostName, method: &str, params: Value, _: Duration) -> Result<Value> {
        assert_eq!((host.as_str(), method), ("h1", "network.counters"), "nobody else is asked anything here");
        let question: TrafficQuestion = serde_json::from_value(params).unwrap();
        self.written.lock().extend(question.written);
        let counted = self.counted.lock().clone().ok_or_else(|| Error::unavailable("it does not answer"))?;
        Ok(serde_json::to_value(counted).unwrap())
    }
    fn hosts(&self) -> Vec<HostStatus> {
        let host =
            |name: &str, connected| HostStatus { host: name.into(), connected, last_seen: Timestamp::from_secs(60) };
        vec![host("h1", true), host("h2", false)]
    }
}

/// The people: `admin`, `service`, and of each tenant `…-member`, `…-reader`, `…-manager`.
fn tokens() -> Tokens {
    let roles = |highest: &str| match highest {
        "admin" => &["admin", "manager", "member", "reader"][..],
        "manager" => &["manager", "member", "reader"],
        "member" => &["member", "reader"],
        "service" => &["service"],
        _ => &["reader"],
    };
    let mut tokens = Tokens::default()
        .with("admin", member_of(ADMINS, "ann", roles("admin")))
        .with("service", member_of("5555555555555555555555555555555c", "nova", roles("service")));
    for (name, project) in [("red", RED), ("blue", BLUE)] {
        for role in ["member", "reader", "manager"] {
            tokens = tokens.with(&format!("{name}-{role}"), member_of(project, &format!("{name}-{role}"), roles(role)));
        }
    }
    tokens
}

pub struct World {
    pub store: Store,
    pub net: Network,
    pub backend: Arc<Recorder>,
    pub hosts: Arc<TwoHosts>,
    pub policy: Arc<Policies>,
    pub clock: Arc<dyn Clock>,
    api: Api,
    reconcilers: Vec<JoinHandle<()>>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.reconcilers.iter().for_each(JoinHandle::abort);
        let dangling = self.backend.dangling.lock();
        assert!(std::thread::panicking() || dangling.is_empty(), "{dangling:#?}");
    }
}

impl World {
    /// A bootstrapped region whose reconcilers do not run.
    pub async fn new() -> Self {
        Self::with(Settings::default(), SystemClock::shared()).await
    }

    pub async fn with(settings: Settings, clock: Arc<dyn Clock>) -> Self {
        let store = Store::open(Memory::new(), network::schema(Schema::new())).await.unwrap();
        Self::over(store, settings, clock).await
    }

    /// A member over a store that others may share.
    pub async fn over(store: Store, settings: Settings, clock: Arc<dyn Clock>) -> Self {
        let (backend, hosts) = (Arc::new(Recorder::default()), Arc::new(TwoHosts::default()));
        bootstrap(&store, &clock, BootstrapSpec::usual(ADMINS.into(), settings.clone())).await.unwrap();
        let net = Network::new(Deps {
            store: store.clone(),
            backend: backend.clone(),
            hosts: hosts.clone(),
            clock: clock.clone(),
            settings,
        });
        let policy = Policies::new(&[&network::policy::POLICY]).unwrap();
        let api = Api::new(net.router(deps_at(tokens(), policy.clone(), clock.clone())));
        Self { store, net, backend, hosts, policy, clock, api, reconcilers: Vec::new() }
    }

    /// Starts the reconcilers.
    pub fn reconciling(mut self) -> Self {
        self.reconcilers = self.net.reconcilers().into_iter().map(|r| spawn_reconciler(&self.store, r)).collect();
        self
    }

    pub fn anonymous(&self) -> Api {
        self.api.clone()
    }

    pub fn client(&self, token: &str) -> Client {
        Client(self.api.token(token))
    }

    pub fn admin(&self) -> Client {
        self.client("admin")
    }

    pub fn red(&self) -> Client {
        self.client("red-member")
    }

    pub fn blue(&self) -> Client {
        self.client("blue-member")
    }

    /// A request context of one of the people, for the traits that take one.
    pub async fn ctx(&self, token: &str) -> Ctx {
        let credentials = kernel::TokenValidator::validate(&tokens(), token).await.unwrap();
        Ctx { credentials, ..Ctx::internal(self.clock.clone(), self.policy.clone()) }
    }

    /// The external network's id.
    pub async fn public(&self) -> String {
        self.admin().list("networks?name=public").await[0]["id"].as_str().unwrap().to_owned()
    }

    /// No invariant is broken; the back end is not asked.
    pub async fn audit_store(&self) {
        let leaks = network::audit(&self.store.snapshot(), self.net.settings(), &*self.backend).await.unwrap();
        let leaks: Vec<_> = leaks.into_iter().filter(|l| !l.starts_with("the back end")).collect();
        assert!(leaks.is_empty(), "{leaks:#?}");
    }

    /// Nothing differs any more between what the back end holds and what it should.
    pub async fn settled(&self) {
        let clean = || async {
            let leaks = network::audit(&self.store.snapshot(), self.net.settings(), &*self.backend).await;
            leaks.is_ok_and(|l| l.is_empty())
        };
        eventually("the back end holds what the store says", clean).await;
    }
}

/// Waits for a condition; a minute means that it will never hold.
pub async fn eventually<F: Future<Output = bool>>(what: &str, holds: impl Fn() -> F) {
    let wait = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(60), wait).await.is_ok(), "never: {what}");
}

pub fn manual_clock() -> Arc<ManualClock> {
    ManualClock::at(Timestamp::from_secs(1_800_000_000))
}

/// Somebody with a token. Paths are below `/network/v2.0/`.
#[derive(Clone)]
pub struct Client(Api);

impl Client {
    pub fn with(&self, header: &str, value: &str) -> Self {
        Self(self.0.with(header, value))
    }

    pub async fn call(&self, request: &str, body: impl Into<Option<Value>>) -> Answer {
        let (method, path) = request.split_once(' ').unwrap();
        self.0.call(&format!("{method} /network/v2.0/{path}"), body).await
    }

    /// What a request answers; panics unless it has this status.
    pub async fn expect(&self, status: u16, request: &str, body: impl Into<Option<Value>>) -> Value {
        let answer = self.call(request, body).await;
        assert_eq!(answer.status, status, "{request}: {}", answer.text());
        answer.json()
    }

    /// A request that is refused with this status and Neutron's name of it.
    pub async fn refused(&self, status: u16, name: &str, request: &str, body: impl Into<Option<Value>>) -> String {
        let answer = self.expect(status, request, body).await;
        let error = &answer["NeutronError"];
        assert_eq!(error["type"], name, "{request}: {answer}");
        error["message"].as_str().unwrap_or_default().to_owned()
    }

    /// Makes one: `make("network", json!({…}))`, and answers with it.
    pub async fn make(&self, resource: &str, body: Value) -> Value {
        let path = collection(resource);
        let mut answer = self.expect(201, &format!("POST {path}"), json!({ resource: body })).await;
        answer[resource].take()
    }

    pub async fn show(&self, resource: &str, id: &str) -> Value {
        self.expect(200, &format!("GET {}/{id}", collection(resource)), None).await[resource].take()
    }

    pub async fn set(&self, resource: &str, id: &str, body: Value) -> Value {
        let request = format!("PUT {}/{id}", collection(resource));
        self.expect(200, &request, json!({ resource: body })).await[resource].take()
    }

    pub async fn delete(&self, resource: &str, id: &str) {
        self.expect(204, &format!("DELETE {}/{id}", collection(resource)), None).await;
    }

    /// `list("ports?network_id=…")`
    pub async fn list(&self, query: &str) -> Vec<Value> {
        let mut answer = self.expect(200, &format!("GET {query}"), None).await;
        let path = query.split('?').next().unwrap().rsplit('/').next().unwrap().replace('-', "_");
        match answer[&path].take() {
            Value::Array(items) => items,
            other => panic!("{query}: {other}"),
        }
    }

    pub async fn names(&self, query: &str) -> Vec<String> {
        self.list(query).await.iter().map(|o| o["name"].as_str().unwrap_or("?").to_owned()).collect()
    }

    /// A network with one IPv4 subnet: ids of both.
    pub async fn network(&self, name: &str, cidr: &str) -> (String, String) {
        let network = id(&self.make("network", json!({"name": name})).await);
        let subnet = json!({"network_id": network, "ip_version": 4, "cidr": cidr, "name": format!("{name}-subnet")});
        let subnet = id(&self.make("subnet", subnet).await);
        (network, subnet)
    }

    pub async fn port(&self, network: &str) -> Value {
        self.make("port", json!({"network_id": network})).await
    }
}

pub fn id(object: &Value) -> String {
    object["id"].as_str().unwrap_or_else(|| panic!("no id in {object}")).to_owned()
}

/// The address of a port that has one.
pub fn address(port: &Value) -> String {
    port["fixed_ips"][0]["ip_address"].as_str().unwrap_or_else(|| panic!("no address in {port}")).to_owned()
}

fn collection(resource: &str) -> &'static str {
    match resource {
        "network" => "networks",
        "subnet" => "subnets",
        "subnetpool" => "subnetpools",
        "address_group" => "address-groups",
        "address_scope" => "address-scopes",
        "port" => "ports",
        "trunk" => "trunks",
        "policy" => "qos/policies",
        "router" => "routers",
        "floatingip" => "floatingips",
        "security_group" => "security-groups",
        "security_group_rule" => "security-group-rules",
        "default_security_group_rule" => "default-security-group-rules",
        "rbac_policy" => "rbac-policies",
        "agent" => "agents",
        "metering_label" => "metering/metering-labels",
        "metering_label_rule" => "metering/metering-label-rules",
        "flavor" => "flavors",
        "service_profile" => "service_profiles",
        "segment" => "segments",
        "network_segment_range" => "network-segment-ranges",
        "log" => "log/logs",
        "ndp_proxy" => "ndp-proxies",
        "security_groups_default_statefulness" => "security-groups-default-statefulness",
        other => panic!("what is a {other}?"),
    }
}

//! Who may see and do what.
//!
//! A caller *sees* an object if its `get_…` rule says so; what is not seen does not exist for them (404). What they see but may
//! not change is forbidden (403). Lists begin from the objects that a project can have any claim to ([`Seen::candidates`])
//! and ask the rule for each; who works for all projects begins from all objects.

use crate::{
    model::{
        AddressGroup, AddressScope, DefaultStatefulness, Flavor, FloatingIp, Log, MeteringLabel, MeteringRule,
        NdpProxy, Network, Port, QosPolicy, Resource, Router, SecurityGroup, SecurityGroupRule, SegmentRange,
        ServiceProfile, Subnet, SubnetPool, Trunk,
        rbac::{self, Action, ObjectType},
    },
    policy as rules,
};
use kernel::{Ctx, ProjectId, Result};
use policy::{Authorize, Permit, Rule, Target};
use std::{borrow::Cow, collections::BTreeMap, sync::Arc};
use store::Snapshot;

/// Whose objects a caller may have to do with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// All projects': administrators and the other services.
    pub all: bool,
    pub admin: bool,
    pub project: Option<ProjectId>,
}

impl Reach {
    pub fn of(cx: &Ctx) -> Self {
        let admin = cx.allows(&rules::who::ADMIN, &());
        let all = admin || cx.allows(&rules::who::SERVICE, &()) || cx.allows(&rules::who::ADVSVC, &());
        Self { all, admin, project: cx.credentials.project().cloned() }
    }

    /// TStack's own work.
    pub fn everything() -> Self {
        Self { all: true, admin: true, project: None }
    }

    pub fn is(&self, project: &ProjectId) -> bool {
        self.project.as_ref() == Some(project)
    }

    fn project(&self) -> Option<&str> {
        self.project.as_deref()
    }
}

/// What an operation is on, as policy checks ask for it. Looked up only when a check asks.
#[derive(Clone, Copy)]
pub struct On<'a> {
    pub snapshot: &'a Snapshot,
    /// Who asks; `shared` is relative to them.
    pub reach: &'a Reach,
    pub project: &'a str,
    /// The object itself, if it can be shared.
    pub object: Option<&'a str>,
    /// Its network, or itself if it is one.
    pub network: Option<&'a str>,
    /// The group that a rule is in.
    pub group: Option<&'a str>,
    /// Whose the object is that this one is a part of.
    pub parent: Option<&'a str>,
    pub device_owner: Option<&'a str>,
    /// Of an RBAC policy.
    pub target: Option<&'a str>,
}

impl<'a> On<'a> {
    pub fn new(snapshot: &'a Snapshot, reach: &'a Reach, project: &'a str) -> Self {
        let nothing = None;
        Self {
            snapshot,
            reach,
            project,
            object: None,
            network: nothing,
            group: None,
            parent: None,
            device_owner: None,
            target: None,
        }
    }

    fn owner_of_network(&self) -> Option<String> {
        Some(self.snapshot.get::<Network>(self.network?)?.project().to_string())
    }

    /// The network's sharing is judged for the object's project, as in Neutron, or for the caller's if it has none.
    fn network_is_shared(&self) -> Option<bool> {
        let project = if self.project.is_empty() { self.reach.project() } else { Some(self.project) };
        Some(rbac::grants(self.snapshot, self.network?, Action::Shared, project))
    }

    fn network_is_external(&self) -> Option<bool> {
        let network = self.network?;
        let external = self.snapshot.get::<Network>(network)?.external;
        Some(external && rbac::grants(self.snapshot, network, Action::External, self.reach.project()))
    }

    fn is_shared(&self) -> Option<bool> {
        Some(rbac::grants(self.snapshot, self.object?, Action::Shared, self.reach.project()))
    }
}

fn flag(on: Option<bool>) -> Option<Cow<'static, str>> {
    on.map(|on| Cow::Borrowed(if on { "True" } else { "False" }))
}

impl Target for On<'_> {
    fn attr(&self, path: &str) -> Option<Cow<'_, str>> {
        match path {
            "project_id" | "tenant_id" => Some(Cow::Borrowed(self.project)),
            "network:project_id" | "network:tenant_id" => self.owner_of_network().map(Cow::Owned),
            "shared" => flag(self.is_shared()),
            "networks:shared" => flag(self.network_is_shared()),
            "router:external" => flag(self.network_is_external()),
            "security_group:project_id" => {
                let group = self.snapshot.get::<SecurityGroup>(self.group?)?;
                Some(Cow::Owned(group.project().to_string()))
            }
            "ext_parent:project_id" | "ext_parent:tenant_id" => self.parent.map(Cow::Borrowed),
            "device_owner" => self.device_owner.map(Cow::Borrowed),
            "target_tenant" | "target_project" => self.target.map(Cow::Borrowed),
            _ => None,
        }
    }
}

/// Attributes that a request sets: `shared`, `fixed_ips`, `fixed_ips:ip_address`. Each may have a rule of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Set(pub Vec<String>);

impl Set {
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|n| n == name)
    }
}

/// Asks the operation's rule and those of the attributes that are set.
pub fn authorize(
    cx: &Ctx,
    table: &'static [&'static Rule],
    rule: &'static Rule,
    set: &Set,
    on: &dyn Target,
) -> Result<Permit> {
    let permit = cx.authorize(rule, on)?;
    for name in &set.0 {
        let own = table.iter().find(|r| attribute_of(r, rule) == Some(name.as_str()));
        if let Some(own) = own {
            // The permit is the operation's; this one only says yes.
            let _ = cx.authorize(own, on)?;
        }
    }
    Ok(permit)
}

/// `shared`, of `create_network:shared` and `create_network`.
pub fn attribute_of<'r>(rule: &'r Rule, operation: &Rule) -> Option<&'r str> {
    rule.name.strip_prefix(operation.name)?.strip_prefix(':')
}

/// A resource with rules.
pub trait Seen: Resource {
    const RULES: &'static [&'static Rule];
    const GET: &'static Rule;

    /// What policy checks may ask of this object.
    fn on<'a>(&'a self, snapshot: &'a Snapshot, reach: &'a Reach) -> On<'a>;

    /// Everything a project can have a claim to besides what it owns: shared with it, or on its networks.
    fn more(_snapshot: &Snapshot, _project: &ProjectId) -> Vec<Arc<Self>> {
        Vec::new()
    }

    /// In order of ids, each once.
    fn candidates(snapshot: &Snapshot, reach: &Reach) -> Vec<Arc<Self>> {
        if reach.all {
            return snapshot.all::<Self>().collect();
        }
        let Some(project) = &reach.project else { return Vec::new() };
        let more = Self::more(snapshot, project);
        let own = snapshot.by(Self::BY_PROJECT, project);
        if more.is_empty() {
            return own.collect();
        }
        let merged: BTreeMap<String, Arc<Self>> = own.chain(more).map(|o| (o.id().to_owned(), o)).collect();
        merged.into_values().collect()
    }

    fn is_seen(&self, cx: &Ctx, snapshot: &Snapshot, reach: &Reach) -> bool {
        cx.allows(Self::GET, &self.on(snapshot, reach))
    }
}

/// The object if the caller sees it.
pub fn see<R: Seen>(cx: &Ctx, snapshot: &Snapshot, reach: &Reach, id: &str) -> Result<Arc<R>> {
    let found = snapshot.get::<R>(id).filter(|object| object.is_seen(cx, snapshot, reach));
    found.ok_or_else(|| R::not_found(id).into())
}

/// The object and the permit to do something to it: 404 if the caller does not see it, 403 if they only see it.
pub fn change<R: Seen>(
    cx: &Ctx,
    snapshot: &Snapshot,
    reach: &Reach,
    id: &str,
    rule: &'static Rule,
    set: &Set,
) -> Result<(Arc<R>, Permit)> {
    let object = see::<R>(cx, snapshot, reach, id)?;
    let permit = authorize(cx, R::RULES, rule, set, &object.on(snapshot, reach))?;
    Ok((object, permit))
}

fn opened<R: Seen>(snapshot: &Snapshot, object_type: ObjectType, project: &ProjectId) -> Vec<Arc<R>> {
    rbac::opened(snapshot, object_type, Some(project)).iter().filter_map(|id| snapshot.get::<R>(id)).collect()
}

impl Seen for Network {
    const RULES: &'static [&'static Rule] = rules::network::ALL;
    const GET: &'static Rule = &rules::network::GET;
    fn on<'a>(&'a self, snapshot: &'a Snapshot, reach: &'a Reach) -> On<'a> {
        let (object, network) = (Some(self.id.as_str()), Some(self.id.as_str()));
        On { object, network, ..On::new(snapshot, reach, self.project()) }
    }
    fn more(snapshot: &Snapshot, project: &ProjectId) -> Vec<Arc<Self>> {
        opened(snapshot, ObjectType::Network, project)
    }
}

impl Seen for Subnet {
    const RULES: &'static [&'static Rule] = rules::subnet::ALL;
    const GET: &'static Rule = &rules::subnet::GET;
    fn on<'a>(&'a self, snapshot: &'a Snapshot, reach: &'a Reach) -> On<'a> {
        // A subnet is seen by whom its network is shared with: the caller, not the subnet's owner.
        let project = self.project();
        On { object: Some(&self.network), network: Some(&self.network), ..On::new(snapshot, reach, project) }
    }
    fn more(snapshot: &Snapshot, project: &ProjectId) -> Vec<Arc<Self>> {
        let own = snapshot.by(Network::BY_PROJECT, project);
        let networks = own.chain(opened::<Network>(snapshot, ObjectType::Network, project));
        networks.flat_map(|n| n.subnets.clone()).filter_map(|id| snapshot.get::<Self>(&id)).collect()
    }
}

impl Seen for SubnetPool {
    const RULES: &'static [&'static Rule] = rules::subnetpool::ALL;
    const GET: &'static Rule = &rules::subnetpool::GET;
    fn on<'a>(&'a self, snapshot: &'a Snapshot, reach: &'a Reach) -> On<'a> {
        On { object: Some(&self.id), ..On::new(snapshot, reach, self.project()) }
    }
    fn more(snapshot: &Snapshot, project: &ProjectId) -> Vec<Arc<Self>> {
        opened(snapshot, ObjectType::Subnetpool, project)
    }
}

impl Seen for AddressScope {
    const RULES: &'static [&'static Rule] = rules::address_scope::ALL;
    const GET: &'static Rule = &rules::address_scope::GET;
    fn on<'a>(&'a self, snapshot: &'a Snapshot, reach: &'a Reach) -> On<'a> {
        On { object: Some(&self.id), ..On::new(snapshot, reach, self.project()) }
    }
    fn more(snapshot: &Snapshot, project: &ProjectId) -> Vec<Arc<Self>> {
        opened(snapshot, ObjectType::AddressScope, project)
    }
}

impl Seen for AddressGroup {
    const RULES: &'static [&'static Rule] = rules::address_group::ALL;
    const GET: &'static Rule = &rules::address_group::GET;
    fn on<'a>(&'a self, snapshot: &'a Snapshot, reach: &'a Reach) -> On<'a> {
        On { object: Some(&self.id), ..On::new(snapshot, reach, self.project()) }
    }
    fn more(snapshot: &Snapshot, project: &ProjectId) -> Vec<Arc<Self>> {
        opened(snapshot, ObjectType::AddressGroup, project)
    }
}

impl Seen for Port {
    const RULES: &'static [&'static Rule] = rules::port::ALL;
    const GET: &'static Rule = &rules::port::GET;
    fn on<'a>(&'a self, snapshot: &'a Snapshot, reach: &'a Reach) -> On<'a> {
        let (network, device_owner) = (Some(self.network.as_str()), Some(self.device_owner.as_str()));
        On { network, device_owner, ..On::new(snapshot, reach, self.project()) }
    }
    fn more(snapshot: &Snapshot, project: &ProjectId) -> Vec<Arc<Self>> {
        let networks = snapshot.by(Network::BY_PROJECT, project);
        networks.flat_map(|n| snapshot.by(Self::BY_NETWORK, &n.id).collect::<Vec<_>>()).collect()
    }
}

impl Seen for Router {
    const RULES: &'static [&'static Rule] = rules::router::ALL;
    const GET: &'static Rule = &rules::router::GET;
    fn on<'a>(&'a self, snapshot: &'a Snapshot, reach: &'a Reach) -> On<'a> {
        // What lies below a router is its owner's.
        On { parent: Some(self.project()), ..On::new(snapshot, reach, self.project()) }
    }
}

impl Seen for FloatingIp {
    const RULES: &'static [&'static Rule] = rules::floatingip::ALL;
    const GET: &'static Rule = &rules::floatingip::GET;
    fn on<'a>(&'a self, snapshot: &'a Snapshot, reach: &'a Reach) -> On<'a> {
        On::new(snapshot, reach, self.project())
    }
}

impl Seen for Trunk {
    const RULES: &'static [&'static Rule] = rules::trunk::ALL;
    const GET: &'static Rule = &rules::trunk::GET;
    fn on<'a>(&'a self, snapshot: &'a Snapshot, reach: &'a Reach) -> On<'a> {
        On::new(snapshot, reach, self.project())
    }
}

impl Seen for QosPolicy {
    const RULES: &'static [&'static Rule] = rules::qos::ALL;
    const GET: &'static Rule = &rules::qos::GET;
    fn on<'a>(&'a self, snapshot: &'a Snapshot, reach: &'a Reach) -> On<'a> {
        On { object: Some(&self.id), ..On::new(snapshot, reach, self.project()) }
    }
    fn more(snapshot: &Snapshot, project: &ProjectId) -> Vec<Arc<Self>> {
        opened(snapshot, ObjectType::QosPolicy, project)
    }
}

impl Seen for SecurityGroup {
    const RULES: &'static [&'static Rule] = rules::security_group::ALL;
    const GET: &'static Rule = &rules::security_group::GET;
    fn on<'a>(&'a self, snapshot: &'a Snapshot, reach: &'a Reach) -> On<'a> {
        On { object: Some(&self.id), group: Some(&self.id), ..On::new(snapshot, reach, self.project()) }
    }
    fn more(snapshot: &Snapshot, project: &ProjectId) -> Vec<Arc<Self>> {
        opened(snapshot, ObjectType::SecurityGroup, project)
    }
}

impl Seen for SecurityGroupRule {
    const RULES: &'static [&'static Rule] = rules::security_group::ALL;
    const GET: &'static Rule = &rules::security_group::RULE_GET;
    fn on<'a>(&'a self, snapshot: &'a Snapshot, reach: &'a Reach) -> On<'a> {
        On { group: Some(&self.group), ..On::new(snapshot, reach, self.project()) }
    }
    fn more(snapshot: &Snapshot, project: &ProjectId) -> Vec<Arc<Self>> {
        let groups = snapshot.by(SecurityGroup::BY_PROJECT, project);
        groups.flat_map(|g| snapshot.by(Self::BY_GROUP, &g.id).collect::<Vec<_>>()).collect()
    }
}

/// [`Seen`] for what belongs to a project and is shared with nobody, or is everybody's to see if its rule says so (`all`).
macro_rules! owned {
    ($($type:ty, $rules:ident, $get:ident $(, $all:ident)?;)+) => {$(
        impl Seen for $type {
            const RULES: &'static [&'static Rule] = rules::$rules::ALL;
            const GET: &'static Rule = &rules::$rules::$get;
            fn on<'a>(&'a self, snapshot: &'a Snapshot, reach: &'a Reach) -> On<'a> {
                On::new(snapshot, reach, self.project())
            }
            $(fn more(snapshot: &Snapshot, _: &ProjectId) -> Vec<Arc<Self>> {
                snapshot.$all::<Self>().collect()
            })?
        }
    )+};
}

owned! {
    MeteringLabel, metering, GET;
    MeteringRule, metering, RULE_GET;
    Flavor, flavor, GET, all;
    ServiceProfile, flavor, PROFILE_GET;
    SegmentRange, segment, RANGE_GET;
    Log, logging, GET;
    NdpProxy, ndp_proxy, GET;
    DefaultStatefulness, security_group, STATEFULNESS_GET, all;
}

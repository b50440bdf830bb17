//! RBAC policies: sharing with one project, or with all.

use crate::{
    Network as Service,
    error::NetError,
    model::{
        AddressGroup, AddressScope, Network, Port, QosPolicy, RbacPolicy, RbacPolicyId, Resource, Router,
        SecurityGroup, SecurityGroupRule, Subnet, SubnetPool,
        port::Role,
        quota,
        rbac::{self, Action, ObjectType},
    },
    ops::{
        access::{On, Reach, Set, authorize},
        common::{Asked, Env, Guard, authorize_each, touch, write_all},
        network::{forget_policy, update::ensure_only_own},
    },
    policy::rbac as rules,
};
use kernel::{Ctx, ProjectId, Result, Timestamp};
use policy::Authorize;
use serde::Deserialize;
use std::sync::Arc;
use store::{Snapshot, Tx};

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct NewRbacPolicy {
    pub object_type: String,
    pub object_id: String,
    pub action: String,
    pub target_tenant: String,
}

/// Makes the wildcard policy that an object's `shared` or `router:external` stands for, unless it has it already.
pub(crate) fn open_to_all(
    tx: &mut Tx,
    project: &ProjectId,
    object_type: ObjectType,
    object_id: &str,
    action: Action,
    now: Timestamp,
) -> Result<()> {
    if rbac::wildcard(tx.view(), object_id, action).is_some() {
        return Ok(());
    }
    quota::claim(tx, project, "rbac_policy", 1)?;
    tx.put(RbacPolicy {
        id: RbacPolicyId::new(),
        project: project.clone(),
        object_type,
        object_id: object_id.to_owned(),
        action,
        target: rbac::ALL.to_owned(),
        created: now,
    });
    Ok(())
}

/// Removes the wildcard policy that an object's `shared` stands for, unless somebody needs it.
pub(crate) fn close_to_all(tx: &mut Tx, object_id: &str, action: Action) -> Result<()> {
    let id = rbac::wildcard(tx.view(), object_id, action);
    let Some(policy) = id.and_then(|id| tx.get::<RbacPolicy>(&id)) else { return Ok(()) };
    forget_policy(tx, &policy.project, &policy.id);
    still_usable(tx, &policy, None)
}

/// What policy asks of an RBAC policy.
fn on<'a>(snapshot: &'a Snapshot, reach: &'a Reach, project: &'a str, target: &'a str) -> On<'a> {
    On { target: Some(target), ..On::new(snapshot, reach, project) }
}

pub fn is_seen(cx: &Ctx, snapshot: &Snapshot, reach: &Reach, policy: &RbacPolicy) -> bool {
    cx.allows(&rules::GET, &on(snapshot, reach, &policy.project, &policy.target))
}

fn see(cx: &Ctx, snapshot: &Snapshot, reach: &Reach, id: &str) -> Result<Arc<RbacPolicy>> {
    let found = snapshot.get::<RbacPolicy>(id).filter(|p| is_seen(cx, snapshot, reach, p));
    found.ok_or_else(|| NetError::RbacPolicyNotFound { id: id.to_owned() }.into())
}

pub async fn create(net: &Service, cx: &Ctx, asked: Vec<Asked<NewRbacPolicy>>) -> Result<Vec<Arc<RbacPolicy>>> {
    let (guard, reach) = (Guard { table: rules::ALL, rule: &rules::CREATE }, Reach::of(cx));
    authorize_each(net, cx, guard, &asked, |one, on| On { target: Some(&one.body.target_tenant), ..on })?;
    write_all(net, "network.rbac_policy.create", asked, move |tx, env, one| {
        insert(tx, env, &reach, &one.project, &one.body)
    })
    .await
}

fn insert(tx: &mut Tx, env: &Env, reach: &Reach, project: &ProjectId, new: &NewRbacPolicy) -> Result<Arc<RbacPolicy>> {
    let unknown = || NetError::InvalidObjectType { object_type: new.object_type.clone() };
    let object_type = ObjectType::parse(&new.object_type).ok_or_else(unknown)?;
    let wrong = || NetError::RbacTargetError { action: new.action.clone(), object_type: new.object_type.clone() };
    let action = Action::parse(&new.action).filter(|a| object_type.allows(*a)).ok_or_else(wrong)?;
    let owner = owner_of(tx, object_type, &new.object_id)?;
    if !reach.admin && owner != *project {
        if !rbac::is_open(tx.view(), &new.object_id, project) {
            return Err(not_found(object_type, &new.object_id).into());
        }
        return Err(NetError::input("Only admins can manipulate policies on objects they do not own").into());
    }
    if object_type == ObjectType::Subnetpool {
        may_use_scope(tx, &new.object_id, &new.target_tenant)?;
    }
    let mut policies = tx.view().by(RbacPolicy::BY_OBJECT, &new.object_id);
    if policies.any(|p| p.action == action && p.target == new.target_tenant) {
        return Err(NetError::DuplicateRbacPolicy.into());
    }
    drop(policies);
    if action == Action::External {
        tx.update::<Network>(&new.object_id, |n| n.external = true);
    }
    quota::claim(tx, project, "rbac_policy", 1)?;
    touched(tx, object_type, &new.object_id, env);
    Ok(tx.put(RbacPolicy {
        id: RbacPolicyId::new(),
        project: project.clone(),
        object_type,
        object_id: new.object_id.clone(),
        action,
        target: new.target_tenant.clone(),
        created: env.now,
    }))
}

/// Whoever gets a subnet pool must have its address scope too.
fn may_use_scope(tx: &mut Tx, pool: &str, target: &str) -> Result<()> {
    let Some(scope) = tx.get::<SubnetPool>(pool).and_then(|p| p.address_scope.clone()) else { return Ok(()) };
    if rbac::grants(tx.view(), &scope, Action::Shared, Some(target)) {
        return Ok(());
    }
    let reason = "target project doesn't have access to associated address scope".to_owned();
    Err(NetError::RbacPolicyInitError { object: pool.to_owned(), reason }.into())
}

fn not_found(object_type: ObjectType, id: &str) -> NetError {
    match object_type {
        ObjectType::Network => Network::not_found(id),
        ObjectType::SecurityGroup => SecurityGroup::not_found(id),
        ObjectType::Subnetpool => SubnetPool::not_found(id),
        ObjectType::AddressScope => AddressScope::not_found(id),
        ObjectType::AddressGroup => AddressGroup::not_found(id),
        ObjectType::QosPolicy => QosPolicy::not_found(id),
    }
}

fn owner_of(tx: &mut Tx, object_type: ObjectType, id: &str) -> Result<ProjectId> {
    let owner = match object_type {
        ObjectType::Network => tx.get::<Network>(id).map(|o| o.project().clone()),
        ObjectType::SecurityGroup => tx.get::<SecurityGroup>(id).map(|o| o.project().clone()),
        ObjectType::Subnetpool => tx.get::<SubnetPool>(id).map(|o| o.project().clone()),
        ObjectType::AddressScope => tx.get::<AddressScope>(id).map(|o| o.project().clone()),
        ObjectType::AddressGroup => tx.get::<AddressGroup>(id).map(|o| o.project().clone()),
        ObjectType::QosPolicy => tx.get::<QosPolicy>(id).map(|o| o.project().clone()),
    };
    owner.ok_or_else(|| not_found(object_type, id).into())
}

/// Sharing shows in the object.
fn touched(tx: &mut Tx, object_type: ObjectType, id: &str, env: &Env) {
    match object_type {
        ObjectType::Network => touch::<Network>(tx, id, env.now),
        ObjectType::SecurityGroup => touch::<SecurityGroup>(tx, id, env.now),
        ObjectType::Subnetpool => touch::<SubnetPool>(tx, id, env.now),
        ObjectType::AddressScope => touch::<AddressScope>(tx, id, env.now),
        ObjectType::AddressGroup => touch::<AddressGroup>(tx, id, env.now),
        ObjectType::QosPolicy => touch::<QosPolicy>(tx, id, env.now),
    }
}

/// Changes whom a policy is for.
pub async fn update(net: &Service, cx: &Ctx, id: &str, set: &Set, target: Option<String>) -> Result<Arc<RbacPolicy>> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let policy = see(cx, &snapshot, &reach, id)?;
    let target = target.unwrap_or_else(|| policy.target.clone());
    let _permit = authorize(cx, rules::ALL, &rules::UPDATE, set, &on(&snapshot, &reach, &policy.project, &target))?;
    let (env, id) = (net.env(), id.to_owned());
    net.store()
        .transact("network.rbac_policy.update", move |tx| {
            let old = tx.get::<RbacPolicy>(&id).ok_or_else(|| NetError::RbacPolicyNotFound { id: id.clone() })?;
            if old.target == target {
                return Ok(old);
            }
            tx.delete::<RbacPolicy>(&id);
            still_usable(tx, &old, Some(&target))?;
            touched(tx, old.object_type, &old.object_id, &env);
            Ok(tx.put(RbacPolicy { target: target.clone(), ..RbacPolicy::clone(&old) }))
        })
        .await
}

pub async fn delete(net: &Service, cx: &Ctx, id: &str) -> Result<()> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let policy = see(cx, &snapshot, &reach, id)?;
    let _permit = cx.authorize(&rules::DELETE, &on(&snapshot, &reach, &policy.project, &policy.target))?;
    let (env, id) = (net.env(), id.to_owned());
    net.store()
        .transact("network.rbac_policy.delete", move |tx| {
            let Some(policy) = tx.get::<RbacPolicy>(&id) else {
                return Err(NetError::RbacPolicyNotFound { id: id.clone() }.into());
            };
            forget_policy(tx, &policy.project, &policy.id);
            still_usable(tx, &policy, None)?;
            if policy.action == Action::External {
                close_if_last(tx, &policy.object_id);
            }
            touched(tx, policy.object_type, &policy.object_id, &env);
            Ok(())
        })
        .await
}

/// Whoever uses the object by this policy, which is gone from the view already, must still be allowed to by another one.
fn still_usable(tx: &mut Tx, policy: &RbacPolicy, new_target: Option<&str>) -> Result<()> {
    let in_use = |reason: &str| {
        let (object, reason) = (policy.object_id.clone(), reason.to_owned());
        Err(NetError::RbacPolicyInUse { object, reason }.into())
    };
    let covered = |project: &str| new_target.is_some_and(|t| t == rbac::ALL || t == project);
    match (policy.object_type, policy.action) {
        (ObjectType::Network, Action::Shared) => {
            let Some(network) = tx.get::<Network>(&policy.object_id) else { return Ok(()) };
            let users = network_users(tx.view(), &network);
            if users.iter().filter(|p| !covered(p)).any(|p| !granted(tx, policy, p)) {
                let refusal = ensure_only_own(tx, &network).err().map_or_else(String::new, |e| e.message().to_owned());
                return in_use(&refusal);
            }
        }
        (ObjectType::SecurityGroup, _) => {
            let ports = tx.by(Port::BY_GROUP, &policy.object_id);
            let owner = owner_of(tx, policy.object_type, &policy.object_id)?;
            let foreign = ports.iter().map(|p| &p.standard.project).filter(|p| **p != owner && !covered(p));
            if foreign.into_iter().any(|p| !granted(tx, policy, p)) {
                return in_use("ports of other projects are in the group");
            }
        }
        (ObjectType::AddressScope, _) => {
            let pools = tx.by(SubnetPool::BY_SCOPE, &policy.object_id);
            let owner = owner_of(tx, policy.object_type, &policy.object_id)?;
            let foreign = pools.iter().map(|p| &p.standard.project).filter(|p| **p != owner && !covered(p));
            if foreign.into_iter().any(|p| !granted(tx, policy, p)) {
                return in_use("subnet pools of other projects are in the address scope");
            }
        }
        (ObjectType::AddressGroup, _) => {
            let rules = tx.by(SecurityGroupRule::BY_ADDRESS_GROUP, &policy.object_id);
            let owner = owner_of(tx, policy.object_type, &policy.object_id)?;
            let foreign = rules.iter().map(|r| &r.standard.project).filter(|p| **p != owner && !covered(p));
            if foreign.into_iter().any(|p| !granted(tx, policy, p)) {
                return in_use("security group rules of other projects refer to the address group");
            }
        }
        (ObjectType::QosPolicy, _) => {
            // Mirrors Neutron: what is open to all counts as used by its owner, too.
            let owner = owner_of(tx, policy.object_type, &policy.object_id)?;
            let counts = |p: &ProjectId| policy.target == rbac::ALL || *p != owner;
            let ports = tx.by(Port::BY_QOS, &policy.object_id).into_iter().map(|p| p.standard.project.clone());
            let networks = tx.by(Network::BY_QOS, &policy.object_id).into_iter().map(|n| n.standard.project.clone());
            // And a policy that is turned from all to one project is judged as one that goes.
            let kept = new_target == Some(rbac::ALL);
            let users: Vec<_> = networks.chain(ports).filter(|p| counts(p) && !kept).collect();
            if users.iter().any(|p| !granted(tx, policy, p)) {
                return in_use("networks or ports of projects have the QoS policy by it");
            }
        }
        (ObjectType::Network, Action::External) => {
            let Some(network) = tx.get::<Network>(&policy.object_id) else { return Ok(()) };
            if policy.target == rbac::ALL && network.is_default {
                return in_use("Default external networks must be shared to everyone.");
            }
            let users = gateway_users(tx, &network);
            if users.iter().filter(|p| !covered(p)).any(|p| !granted(tx, policy, p)) {
                return in_use("There are routers attached to this network that depend on this policy for access.");
            }
        }
        (ObjectType::Subnetpool, _) => {
            let subnets = tx.by(Subnet::BY_POOL, &policy.object_id);
            let owner = owner_of(tx, policy.object_type, &policy.object_id)?;
            let foreign = subnets.iter().map(|s| &s.standard.project).filter(|p| **p != owner && !covered(p));
            if foreign.into_iter().any(|p| !granted(tx, policy, p)) {
                return in_use("subnets of other projects are from the subnet pool");
            }
        }
    }
    Ok(())
}

/// A network that is external to nobody any more is not external.
fn close_if_last(tx: &mut Tx, network: &str) {
    if !tx.view().by(RbacPolicy::BY_OBJECT, network).any(|p| p.action == Action::External) {
        tx.update::<Network>(network, |n| {
            n.external = false;
            n.is_default = false;
        });
    }
}

/// Other projects with a router whose gateway is on the network.
fn gateway_users(tx: &mut Tx, network: &Network) -> Vec<ProjectId> {
    let gateways = tx.by(Port::BY_NETWORK, &network.id).into_iter().filter(|p| p.role() == Role::RouterGateway);
    let routers: Vec<_> = gateways.map(|p| p.device_id.clone()).collect();
    let projects = routers.iter().filter_map(|id| Some(tx.get::<Router>(id)?.project().clone()));
    projects.filter(|p| p != network.project()).collect()
}

fn granted(tx: &Tx, policy: &RbacPolicy, project: &str) -> bool {
    rbac::grants(tx.view(), &policy.object_id, policy.action, Some(project))
}

/// Other projects that have something on the network.
fn network_users(view: &Snapshot, network: &Network) -> Vec<ProjectId> {
    let ports = view.by(Port::BY_NETWORK, &network.id).map(|p| p.standard.project.clone());
    let subnets = network.subnets.iter().filter_map(|id| view.get::<Subnet>(id)).map(|s| s.standard.project.clone());
    let mut projects: Vec<_> = ports.chain(subnets).filter(|p| !p.is_empty() && p != network.project()).collect();
    projects.sort();
    projects.dedup();
    projects
}

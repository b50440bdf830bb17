use crate::{
    Network as Service,
    driver::Direction,
    error::NetError,
    model::{
        AddressGroupId, Resource, SecurityGroup, SecurityGroupRule, SecurityGroupRuleId, Standard, quota,
        rbac::{self, Action},
        security_group::{EtherType, Match, RemoteSpec},
    },
    ops::{
        access::{On, Reach, authorize, see},
        address_group,
        common::{Asked, Env, touch},
    },
    policy::security_group as rules,
};
use ipnet::IpNet;
use kernel::{Ctx, ProjectId, Result, SecurityGroupId};
use serde::Deserialize;
use std::sync::Arc;
use store::Tx;

/// What a rule matches, as it is asked for.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct NewMatch {
    pub direction: Direction,
    pub ethertype: EtherType,
    pub protocol: Option<String>,
    pub port_range_min: Option<u16>,
    pub port_range_max: Option<u16>,
    pub remote_ip_prefix: Option<IpNet>,
    pub remote_group_id: Option<String>,
    pub remote_address_group_id: Option<AddressGroupId>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct NewRule {
    pub security_group_id: SecurityGroupId,
    pub description: String,
    #[serde(flatten)]
    pub matches: NewMatch,
}

impl NewMatch {
    pub fn checked(&self) -> Result<Match> {
        let remote = match (&self.remote_ip_prefix, &self.remote_group_id, &self.remote_address_group_id) {
            (Some(prefix), None, None) => RemoteSpec::Prefix(*prefix),
            (None, Some(group), None) => RemoteSpec::Group(group.clone()),
            (None, None, Some(group)) => RemoteSpec::AddressGroup(group.clone()),
            (None, None, None) => RemoteSpec::Any,
            _ => return Err(NetError::SecurityGroupMultipleRemoteEntites.into()),
        };
        let matches = Match {
            direction: self.direction,
            ethertype: self.ethertype,
            protocol: self.protocol.clone(),
            min: self.port_range_min,
            max: self.port_range_max,
            remote,
        };
        Ok(matches.checked()?)
    }
}

/// Makes rules of one group, all or none.
pub async fn create(net: &Service, cx: &Ctx, asked: Vec<Asked<NewRule>>) -> Result<Vec<Arc<SecurityGroupRule>>> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let Some(first) = asked.first() else { return Ok(Vec::new()) };
    let (group, project) = (first.body.security_group_id.clone(), first.project.clone());
    if asked.iter().any(|one| one.body.security_group_id != group) {
        return Err(NetError::SecurityGroupNotSingleGroupRules.into());
    }
    if asked.iter().any(|one| one.project != project) {
        return Err(NetError::SecurityGroupRulesNotSingleProject.into());
    }
    see::<SecurityGroup>(cx, &snapshot, &reach, &group)?;
    let mut wanted = Vec::new();
    for one in asked {
        let on = On { group: Some(&group), ..On::new(&snapshot, &reach, &one.project) };
        let _permit = authorize(cx, rules::ALL, &rules::RULE_CREATE, &one.set, &on)?;
        wanted.push((one.body.matches.checked()?, one.body.description));
    }
    let env = net.env();
    net.store()
        .transact("network.security_group_rule.create", move |tx| insert(tx, &env, &reach, &group, &project, &wanted))
        .await
}

fn insert(
    tx: &mut Tx,
    env: &Env,
    reach: &Reach,
    group: &SecurityGroupId,
    project: &ProjectId,
    wanted: &[(Match, String)],
) -> Result<Vec<Arc<SecurityGroupRule>>> {
    usable(tx, reach, project, group)?;
    quota::claim(tx, project, "security_group_rule", wanted.len())?;
    let there = tx.by(SecurityGroupRule::BY_GROUP, group);
    let mut made: Vec<Arc<SecurityGroupRule>> = Vec::new();
    for (matches, description) in wanted {
        if let Some(same) = there.iter().find(|r| r.matches.same_as(matches)) {
            return Err(NetError::SecurityGroupRuleExists { id: same.id.to_string() }.into());
        }
        if made.iter().any(|r| r.matches.same_as(matches)) {
            return Err(NetError::DuplicateSecurityGroupRuleInPost.into());
        }
        match &matches.remote {
            RemoteSpec::Group(remote) => usable(tx, reach, project, remote)?,
            RemoteSpec::AddressGroup(remote) => address_group::refer(tx, reach, project, remote)?,
            RemoteSpec::Any | RemoteSpec::Prefix(_) => {}
        }
        made.push(tx.put(SecurityGroupRule {
            id: SecurityGroupRuleId::new(),
            standard: Standard::new(project, description, env.now),
            group: group.clone(),
            matches: matches.clone(),
        }));
    }
    // Rules show in their group; and that two members add the same rule at once is a conflict here.
    touch::<SecurityGroup>(tx, group, env.now);
    Ok(made)
}

/// A group that the project may put rules into or refer to.
fn usable(tx: &mut Tx, reach: &Reach, project: &ProjectId, id: &str) -> Result<()> {
    let group = tx.get::<SecurityGroup>(id).ok_or_else(|| SecurityGroup::not_found(id))?;
    if group.deleting {
        return Err(NetError::Deleting { what: "security group", id: id.to_owned() }.into());
    }
    if reach.admin || group.project() == project || rbac::grants(tx.view(), id, Action::Shared, Some(project)) {
        return Ok(());
    }
    Err(SecurityGroup::not_found(id).into())
}

//! Logs of security groups.

use crate::{
    Network as Service,
    error::NetError,
    model::{Log, LogId, Port, SecurityGroup, Standard, log::LogEvent},
    ops::{
        access::Set,
        common::{Asked, Env, Expect, Guard, Of, create_all, delete_one, take, touch, update_one},
    },
    policy::logging as rules,
};
use kernel::{Ctx, PortId, Result, SecurityGroupId};
use serde::Deserialize;
use std::sync::Arc;
use store::Tx;

/// What can be logged.
pub const SECURITY_GROUP: &str = "security_group";

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct NewLog {
    pub name: String,
    pub description: String,
    pub resource_type: String,
    pub resource_id: Option<SecurityGroupId>,
    pub target_id: Option<PortId>,
    pub event: LogEvent,
    pub enabled: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct LogChanges {
    pub name: Option<String>,
    pub description: Option<String>,
    pub enabled: Option<bool>,
}

pub async fn create(net: &Service, cx: &Ctx, asked: Vec<Asked<NewLog>>) -> Result<Vec<Arc<Log>>> {
    let guard = Guard { table: rules::ALL, rule: &rules::CREATE };
    create_all(net, cx, guard, "network.log.create", asked, insert).await
}

fn insert(tx: &mut Tx, env: &Env, one: &Asked<NewLog>) -> Result<Arc<Log>> {
    let new = &one.body;
    if new.resource_type != SECURITY_GROUP {
        return Err(NetError::InvalidLogResourceType { resource_type: new.resource_type.clone() }.into());
    }
    // Writing group and port makes removing them at the same time conflict.
    if let Some(group) = &new.resource_id {
        let id = group.to_string();
        tx.get::<SecurityGroup>(group).filter(|g| !g.deleting).ok_or(NetError::ResourceNotFound { id })?;
        touch::<SecurityGroup>(tx, group, env.now);
    }
    if let Some(target) = &new.target_id {
        let id = target.to_string();
        let port = tx.get::<Port>(target).ok_or(NetError::TargetResourceNotFound { id })?;
        if let Some(group) = new.resource_id.as_ref().filter(|g| !port.security_groups.contains(*g)) {
            return Err(
                NetError::InvalidResourceConstraint { group: group.to_string(), port: target.to_string() }.into()
            );
        }
        touch::<Port>(tx, target, env.now);
    }
    Ok(tx.put(Log {
        id: LogId::new(),
        standard: Standard::new(&one.project, &new.description, env.now),
        name: new.name.clone(),
        group: new.resource_id.clone(),
        port: new.target_id.clone(),
        event: new.event,
        enabled: new.enabled,
    }))
}

pub async fn update(
    net: &Service,
    cx: &Ctx,
    id: &str,
    set: &Set,
    changes: LogChanges,
    expect: Expect,
) -> Result<Arc<Log>> {
    let of = Of { id, rule: &rules::UPDATE, label: "network.log.update", expect };
    update_one::<Log>(net, cx, of, set, move |_, _, log| {
        take(&mut log.name, &changes.name);
        take(&mut log.standard.description, &changes.description);
        take(&mut log.enabled, &changes.enabled);
        Ok(())
    })
    .await
}

pub async fn delete(net: &Service, cx: &Ctx, id: &str, expect: Expect) -> Result<()> {
    let of = Of { id, rule: &rules::DELETE, label: "network.log.delete", expect };
    delete_one::<Log>(net, cx, of, |_, _, _| Ok(())).await
}

/// Removes those of a group or port that goes.
pub(crate) fn forget(tx: &mut Tx, subject: &str) {
    for log in tx.by(Log::BY_SUBJECT, subject) {
        tx.delete::<Log>(&log.id);
    }
}

//! Rules of metering labels.

use crate::{
    Network as Service,
    driver::Direction,
    error::NetError,
    model::{MeteringLabel, MeteringLabelId, MeteringRule, MeteringRuleId, Resource, Standard},
    ops::{
        access::Set,
        common::{Asked, Env, Expect, Guard, NoChanges, Of, create_all, delete_one, unchanged},
    },
    policy::metering as rules,
};
use ipnet::IpNet;
use kernel::{Ctx, Result};
use serde::Deserialize;
use std::sync::Arc;
use store::Tx;

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct NewMeteringRule {
    pub metering_label_id: MeteringLabelId,
    pub direction: Direction,
    pub excluded: bool,
    pub remote_ip_prefix: Option<IpNet>,
    pub source_ip_prefix: Option<IpNet>,
    pub destination_ip_prefix: Option<IpNet>,
}

pub async fn create(net: &Service, cx: &Ctx, asked: Vec<Asked<NewMeteringRule>>) -> Result<Vec<Arc<MeteringRule>>> {
    asked.iter().try_for_each(|one| check(&one.body))?;
    let guard = Guard { table: rules::ALL, rule: &rules::RULE_CREATE };
    create_all(net, cx, guard, "network.metering_rule.create", asked, insert).await
}

/// The older way of saying whose traffic, or the newer.
fn check(new: &NewMeteringRule) -> Result<()> {
    let newer = new.source_ip_prefix.is_some() || new.destination_ip_prefix.is_some();
    match (new.remote_ip_prefix.is_some(), newer) {
        (true, true) => Err(NetError::request(
            "Cannot use 'remote-ip-prefix' in conjunction with 'source-ip-prefix' or 'destination-ip-prefix'.",
        )
        .into()),
        (false, false) => Err(NetError::request(
            "You must define at least one of the following parameters 'remote_ip_prefix', or 'source_ip_prefix' or 'destination_ip_prefix'.",
        )
        .into()),
        _ => Ok(()),
    }
}

fn insert(tx: &mut Tx, env: &Env, one: &Asked<NewMeteringRule>) -> Result<Arc<MeteringRule>> {
    let new = &one.body;
    let label = tx.get::<MeteringLabel>(&new.metering_label_id);
    let label = label.ok_or_else(|| MeteringLabel::not_found(&new.metering_label_id))?;
    let siblings: Vec<_> = label.rules.iter().filter_map(|id| tx.get::<MeteringRule>(id)).collect();
    if let Some(prefix) = new.remote_ip_prefix {
        let meets = |r: &MeteringRule| {
            let same_way = r.direction == new.direction && r.excluded == new.excluded;
            same_way && r.remote.is_some_and(|old| old.contains(&prefix) || prefix.contains(&old))
        };
        if siblings.iter().any(|r| meets(r)) {
            return Err(NetError::MeteringLabelRuleOverlaps { prefix: prefix.to_string() }.into());
        }
    }
    let rule = MeteringRule {
        id: MeteringRuleId::new(),
        standard: Standard::new(&one.project, "", env.now),
        label: label.id.clone(),
        direction: new.direction,
        excluded: new.excluded,
        remote: new.remote_ip_prefix,
        source: new.source_ip_prefix,
        destination: new.destination_ip_prefix,
    };
    let mut label = MeteringLabel::clone(&label);
    label.rules.insert(rule.id.clone());
    tx.put(label);
    Ok(tx.put(rule))
}

pub async fn update(net: &Service, cx: &Ctx, id: &str, _: &Set, _: NoChanges, _: Expect) -> Result<Arc<MeteringRule>> {
    unchanged(net, cx, id)
}

pub async fn delete(net: &Service, cx: &Ctx, id: &str, expect: Expect) -> Result<()> {
    let of = Of { id, rule: &rules::RULE_DELETE, label: "network.metering_rule.delete", expect };
    delete_one::<MeteringRule>(net, cx, of, |tx, _, rule| {
        tx.update::<MeteringLabel>(&rule.label, |label| {
            label.rules.remove(&rule.id);
        });
        Ok(())
    })
    .await
}

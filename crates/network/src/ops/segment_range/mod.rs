//! Segment ranges.

use crate::{
    Network as Service,
    error::NetError,
    model::{
        Network, SegmentRange, SegmentRangeId, Settings, Standard,
        segment::{Segment, SegmentKind},
        segment_range::defaults,
    },
    ops::{
        access::Set,
        common::{Asked, Env, Expect, Guard, Of, create_all, delete_one, take, update_one},
    },
    policy::segment as rules,
};
use kernel::{Ctx, ProjectId, Result};
use serde::Deserialize;
use std::sync::Arc;
use store::{Snapshot, Tx};

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct NewSegmentRange {
    pub name: String,
    pub description: String,
    pub shared: bool,
    pub network_type: String,
    pub physical_network: Option<String>,
    pub minimum: u32,
    pub maximum: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct SegmentRangeChanges {
    pub name: Option<String>,
    pub description: Option<String>,
    pub minimum: Option<u32>,
    pub maximum: Option<u32>,
}

/// The numbers of a range that networks have, with the project of each.
pub fn used(view: &Snapshot, range: &SegmentRange) -> Vec<(u32, ProjectId)> {
    let here =
        |s: &Segment| s.number.filter(|n| range.is_of(s.kind, s.physical.as_deref()) && range.numbers().contains(n));
    let of = |n: Arc<Network>| {
        let project = n.standard.project.clone();
        n.segments.iter().filter_map(here).map(|number| (number, project.clone())).collect::<Vec<_>>()
    };
    let mut used: Vec<_> = view.all::<Network>().flat_map(of).collect();
    used.sort();
    used
}

pub async fn create(net: &Service, cx: &Ctx, asked: Vec<Asked<NewSegmentRange>>) -> Result<Vec<Arc<SegmentRange>>> {
    let guard = Guard { table: rules::ALL, rule: &rules::RANGE_CREATE };
    create_all(net, cx, guard, "network.segment_range.create", asked, insert).await
}

fn insert(tx: &mut Tx, env: &Env, one: &Asked<NewSegmentRange>) -> Result<Arc<SegmentRange>> {
    let new = &one.body;
    let unsupported = || NetError::NetworkSegmentRangeNetTypeNotSupported { kind: new.network_type.clone() };
    let kind = SegmentKind::parse(&new.network_type).filter(|k| *k != SegmentKind::Flat).ok_or_else(unsupported)?;
    let project = if new.shared { ProjectId::default() } else { one.project.clone() };
    let range = SegmentRange {
        id: SegmentRangeId::new(),
        standard: Standard::new(&project, &new.description, env.now),
        name: new.name.clone(),
        is_default: false,
        shared: new.shared,
        kind,
        physical: new.physical_network.clone().filter(|p| kind == SegmentKind::Vlan && !p.is_empty()),
        minimum: new.minimum,
        maximum: new.maximum,
    };
    check(tx, &range, &env.settings)?;
    Ok(tx.put(range))
}

/// Numbers that there are, in the right order, and in no other range.
fn check(tx: &Tx, range: &SegmentRange, settings: &Settings) -> Result<()> {
    let last = if range.kind == SegmentKind::Vlan { 4094 } else { (1 << 24) - 1 };
    let (minimum, maximum) = (range.minimum, range.maximum);
    if minimum == 0 || minimum > maximum || maximum > last {
        let kind = range.kind.as_str();
        let text = format!(
            "Invalid network segment range: '{minimum}:{maximum}'. '{minimum}' is not a valid {kind} identifier"
        );
        return Err(NetError::input(text).into());
    }
    if let Some(physical) = range.physical.as_ref().filter(|p| !settings.physical_networks.contains_key(*p)) {
        return Err(NetError::input(format!("physical_network '{physical}' unknown for segment range")).into());
    }
    let meets = |r: &Arc<SegmentRange>| {
        r.id != range.id
            && r.is_of(range.kind, range.physical.as_deref())
            && r.minimum <= maximum
            && minimum <= r.maximum
    };
    if let Some(other) = tx.view().all::<SegmentRange>().find(meets) {
        return Err(NetError::NetworkSegmentRangeOverlaps { id: other.id.to_string() }.into());
    }
    Ok(())
}

/// What the configuration says cannot be changed here.
fn not_a_default(net: &Service, id: &str) -> Result<()> {
    if defaults(net.settings()).iter().any(|r| *r.id == *id) {
        return Err(NetError::NetworkSegmentRangeDefaultReadOnly { id: id.to_owned() }.into());
    }
    Ok(())
}

/// Numbers that networks have stay in the range.
pub async fn update(
    net: &Service,
    cx: &Ctx,
    id: &str,
    set: &Set,
    changes: SegmentRangeChanges,
    expect: Expect,
) -> Result<Arc<SegmentRange>> {
    not_a_default(net, id)?;
    let of = Of { id, rule: &rules::RANGE_UPDATE, label: "network.segment_range.update", expect };
    update_one::<SegmentRange>(net, cx, of, set, move |tx, env, range| {
        let used = used(tx.view(), range);
        take(&mut range.name, &changes.name);
        take(&mut range.standard.description, &changes.description);
        take(&mut range.minimum, &changes.minimum);
        take(&mut range.maximum, &changes.maximum);
        if used.iter().any(|(number, _)| !range.numbers().contains(number)) {
            return Err(NetError::NetworkSegmentRangeReferencedByProject { id: range.id.to_string() }.into());
        }
        check(tx, range, &env.settings)
    })
    .await
}

pub async fn delete(net: &Service, cx: &Ctx, id: &str, expect: Expect) -> Result<()> {
    not_a_default(net, id)?;
    let of = Of { id, rule: &rules::RANGE_DELETE, label: "network.segment_range.delete", expect };
    delete_one::<SegmentRange>(net, cx, of, |tx, _, range| {
        if used(tx.view(), range).is_empty() {
            return Ok(());
        }
        Err(NetError::NetworkSegmentRangeReferencedByProject { id: range.id.to_string() }.into())
    })
    .await
}

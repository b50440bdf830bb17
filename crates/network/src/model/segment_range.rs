//! Segment ranges: from which numbers networks get theirs, by kind and physical network.
//!
//! What the configuration says is shown as default ranges, which nobody can change. Ranges that administrators make come before
//! them: a project's own first, then those that are shared. A number in another project's range is given to nobody else.

use super::{
    SegmentRangeId, Settings, Standard,
    segment::SegmentKind,
    standard::{resource, stored},
};
use kernel::{ProjectId, Timestamp};
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;
use store::Snapshot;
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentRange {
    pub id: SegmentRangeId,
    pub standard: Standard,
    pub name: String,
    /// From the configuration: never stored.
    #[serde(skip)]
    pub is_default: bool,
    pub shared: bool,
    pub kind: SegmentKind,
    pub physical: Option<String>,
    pub minimum: u32,
    pub maximum: u32,
}

resource!(SegmentRange, "network_segment_range", NetworkSegmentRangeNotFound);
stored!(SegmentRange, "network.segment_range");

impl SegmentRange {
    pub fn numbers(&self) -> RangeInclusive<u32> {
        self.minimum..=self.maximum
    }

    pub fn is_of(&self, kind: SegmentKind, physical: Option<&str>) -> bool {
        self.kind == kind && self.physical.as_deref() == physical
    }
}

/// What the configuration says.
pub fn defaults(settings: &Settings) -> Vec<SegmentRange> {
    let range = |kind: SegmentKind, physical: Option<&String>, (minimum, maximum): (u32, u32)| {
        let name = format!("{}/{}", kind.as_str(), physical.map_or("", String::as_str));
        SegmentRange {
            id: Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("segment-range/{name}").as_bytes()).to_string().into(),
            standard: Standard::new(&ProjectId::default(), "", Timestamp::default()),
            name: String::new(),
            is_default: true,
            shared: true,
            kind,
            physical: physical.cloned(),
            minimum,
            maximum,
        }
    };
    let tunnels = [SegmentKind::Geneve, SegmentKind::Vxlan].map(|kind| range(kind, None, settings.tunnel_keys));
    let vlans = settings.physical_networks.iter().filter_map(|(name, physical)| {
        let (first, last) = physical.vlans?;
        Some(range(SegmentKind::Vlan, Some(name), (first.into(), last.into())))
    });
    tunnels.into_iter().chain(vlans).collect()
}

/// Numbers that a network of a project may get, in the order in which they are tried, and those that it may not.
pub struct Choice {
    pub from: Vec<RangeInclusive<u32>>,
    pub not: Vec<RangeInclusive<u32>>,
}

pub fn choice(
    view: &Snapshot,
    settings: &Settings,
    project: &ProjectId,
    kind: SegmentKind,
    physical: Option<&str>,
) -> Choice {
    let made: Vec<_> = view.all::<SegmentRange>().filter(|r| r.is_of(kind, physical)).collect();
    let own = made.iter().filter(|r| !r.shared && r.standard.project == *project);
    let shared = made.iter().filter(|r| r.shared);
    let configured = defaults(settings).into_iter().filter(|r| r.is_of(kind, physical)).map(|r| r.numbers());
    let from = own.chain(shared).map(|r| r.numbers()).chain(configured).collect();
    let not = made.iter().filter(|r| !r.shared && r.standard.project != *project).map(|r| r.numbers()).collect();
    Choice { from, not }
}

/// The kind of overlay that a project's networks are of: that of its own range, if it has one.
pub fn overlay_of(view: &Snapshot, project: &ProjectId) -> SegmentKind {
    let mut own = view.by(<SegmentRange as super::Resource>::BY_PROJECT, project).filter(|r| !r.shared);
    own.find(|r| r.kind.is_overlay()).map_or(SegmentKind::Geneve, |r| r.kind)
}

//! Segments: what tells one network's frames from another's on the wire. Each is claimed in the transaction that makes the
//! network, under a key that is the segment itself, so no two networks ever have the same.

use super::{Network, SegmentId, Settings, Standard, segment_range};
use crate::error::NetError;
use kernel::{NetworkId, ProjectId};
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;
use store::Tx;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SegmentKind {
    Flat,
    Vlan,
    Geneve,
    /// Asked for and shown; the hosts carry it as they carry Geneve.
    Vxlan,
}

impl SegmentKind {
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "flat" => Some(Self::Flat),
            "vlan" => Some(Self::Vlan),
            "geneve" => Some(Self::Geneve),
            "vxlan" => Some(Self::Vxlan),
            _ => None,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Flat => "flat",
            Self::Vlan => "vlan",
            Self::Geneve => "geneve",
            Self::Vxlan => "vxlan",
        }
    }

    pub fn is_overlay(self) -> bool {
        matches!(self, Self::Geneve | Self::Vxlan)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Empty for those that are older than segments' ids; see [`super::Network::segment_id`].
    #[serde(default)]
    pub id: SegmentId,
    #[serde(default)]
    pub standard: Standard,
    #[serde(default)]
    pub name: Option<String>,
    pub kind: SegmentKind,
    pub physical: Option<String>,
    /// VLAN tag or tunnel key.
    pub number: Option<u32>,
}

/// What a request says of the segment it wants.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Wanted {
    #[serde(rename = "provider:network_type")]
    pub kind: Option<String>,
    #[serde(rename = "provider:physical_network")]
    pub physical: Option<String>,
    #[serde(rename = "provider:segmentation_id")]
    pub number: Option<u32>,
}

impl Wanted {
    fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Checks what is asked for against the settings; what is open (`number`) is chosen by [`claim`].
    /// Nothing asked for: `usual`.
    pub fn resolve(&self, settings: &Settings, usual: SegmentKind) -> Result<Segment, NetError> {
        if self.is_nothing() {
            return Ok(Segment::of(usual, None, None));
        }
        let text = self.kind.as_deref().ok_or_else(|| NetError::input("network_type required"))?;
        let unknown = || NetError::input(format!("network_type value '{text}' not supported"));
        let kind = SegmentKind::parse(text).ok_or_else(unknown)?;
        match kind {
            SegmentKind::Geneve | SegmentKind::Vxlan => self.overlay()?,
            SegmentKind::Flat => self.flat(settings)?,
            SegmentKind::Vlan => self.vlan(settings)?,
        }
        Ok(Segment::of(kind, self.physical.clone(), self.number))
    }

    fn overlay(&self) -> Result<(), NetError> {
        if self.physical.is_some() {
            let kind = self.kind.as_deref().unwrap_or_default();
            return Err(NetError::input(format!("provider:physical_network specified for {kind} network")));
        }
        match self.number {
            Some(key) if key == 0 || key >= 1 << 24 => {
                Err(NetError::input(format!("segmentation_id out of range (1 through {})", (1 << 24) - 1)))
            }
            _ => Ok(()),
        }
    }

    fn known_physical<'a>(&self, settings: &'a Settings) -> Result<&'a super::settings::Physical, NetError> {
        let name = self.physical.as_deref().ok_or_else(|| {
            NetError::input(format!(
                "physical_network required for {} provider network",
                self.kind.as_deref().unwrap_or_default()
            ))
        })?;
        let unknown = || NetError::input(format!("physical_network '{name}' unknown for provider network"));
        settings.physical_networks.get(name).ok_or_else(unknown)
    }

    fn flat(&self, settings: &Settings) -> Result<(), NetError> {
        self.known_physical(settings)?;
        if self.number.is_some() {
            return Err(NetError::input("segmentation_id prohibited for flat provider network"));
        }
        Ok(())
    }

    fn vlan(&self, settings: &Settings) -> Result<(), NetError> {
        let physical = self.known_physical(settings)?;
        match self.number {
            Some(tag) if !(1..=4094).contains(&tag) => {
                Err(NetError::input("segmentation_id out of range (1 through 4094)"))
            }
            None if physical.vlans.is_none() => {
                Err(NetError::input("segmentation_id required for VLAN provider network"))
            }
            _ => Ok(()),
        }
    }
}

impl Segment {
    pub fn of(kind: SegmentKind, physical: Option<String>, number: Option<u32>) -> Self {
        Self { id: SegmentId::default(), standard: Standard::default(), name: None, kind, physical, number }
    }

    /// The largest packet that fits.
    pub fn mtu(&self, settings: &Settings) -> u32 {
        let physical = self.physical.as_ref().and_then(|name| settings.physical_networks.get(name)?.mtu);
        let base = physical.unwrap_or(settings.physical_mtu);
        if self.kind.is_overlay() { base.saturating_sub(settings.overlay_overhead) } else { base }
    }

    fn space(&self) -> String {
        match self.kind {
            // One space: the hosts tell both apart by the same key.
            SegmentKind::Geneve | SegmentKind::Vxlan => "network.tunnel".to_owned(),
            SegmentKind::Vlan | SegmentKind::Flat => {
                format!("network.physical/{}", self.physical.as_deref().unwrap_or_default())
            }
        }
    }

    fn value(&self) -> String {
        match self.kind {
            SegmentKind::Flat => "flat".to_owned(),
            SegmentKind::Vlan | SegmentKind::Geneve | SegmentKind::Vxlan => self.number.unwrap_or_default().to_string(),
        }
    }

    fn taken(&self) -> NetError {
        let physical = self.physical.clone().unwrap_or_default();
        let number = self.number.unwrap_or_default();
        match self.kind {
            SegmentKind::Flat => NetError::FlatNetworkInUse { physical },
            SegmentKind::Vlan => NetError::VlanIdInUse { physical, vlan: number },
            SegmentKind::Geneve | SegmentKind::Vxlan => NetError::TunnelIdInUse { key: number },
        }
    }

    /// Refuses a segment that a network has already: its claim is the network's, so that does not tell.
    pub fn ensure_not_among(&self, others: &[Self]) -> Result<(), NetError> {
        let same = |other: &Self| (other.space(), other.value()) == (self.space(), self.value());
        if others.iter().any(same) { Err(self.taken()) } else { Ok(()) }
    }

    pub fn release(&self, tx: &mut Tx, network: &NetworkId) {
        tx.release_unique(&self.space(), &self.value(), network);
    }
}

/// Claims a segment for a project's network, choosing its number if it has none.
pub fn claim(
    tx: &mut Tx,
    segment: Segment,
    network: &NetworkId,
    project: &ProjectId,
    settings: &Settings,
) -> Result<Segment, NetError> {
    if segment.kind == SegmentKind::Flat || segment.number.is_some() {
        return match tx.claim_unique(&segment.space(), &segment.value(), network) {
            Ok(()) => Ok(segment),
            Err(_) => Err(segment.taken()),
        };
    }
    let choice = segment_range::choice(tx.view(), settings, project, segment.kind, segment.physical.as_deref());
    for numbers in choice.from {
        for number in order(&numbers, network, tx.view().count::<Network>()) {
            let tried = Segment { number: Some(number), ..segment.clone() };
            let withheld = choice.not.iter().any(|range| range.contains(&number));
            if !withheld && tx.claim_unique(&tried.space(), &tried.value(), network).is_ok() {
                return Ok(tried);
            }
        }
    }
    Err(NetError::NoNetworkAvailable)
}

/// The order in which numbers of a range are tried. Where to begin is spread by the network's id, so that two members seldom
/// try the same number; among the first numbers, so that they stay short while networks are few, but four times as many as
/// there are networks, so that a free one is near.
fn order(numbers: &RangeInclusive<u32>, network: &NetworkId, networks: usize) -> impl Iterator<Item = u32> + use<> {
    let (first, last) = (*numbers.start(), *numbers.end());
    let count = u64::from(last.saturating_sub(first)) + 1;
    let few = u64::try_from(networks).unwrap_or(u64::MAX).saturating_mul(4).clamp(1000, u64::from(u32::MAX));
    let begin = super::address::spread(network, 0) % count.min(few);
    (0..count).filter_map(move |step| u32::try_from((begin + step) % count).ok()?.checked_add(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(kind: Option<&str>, physical: Option<&str>, number: Option<u32>) -> Wanted {
        Wanted { kind: kind.map(Into::into), physical: physical.map(Into::into), number }
    }

    #[test]
    fn a_free_number_is_near_and_all_are_tried() {
        let network = NetworkId::new();
        let tried: Vec<_> = order(&(5..=9), &network, 0).collect();
        let mut sorted = tried.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, [5, 6, 7, 8, 9], "{tried:?}");
        let first = order(&(1..=16_000_000), &network, 100).next();
        assert!(first.is_some_and(|n| n <= 1000), "{first:?}");
    }

    #[test]
    fn requests_are_checked_against_the_settings() {
        let settings = Settings::default();
        for (ask, expect) in [
            (wanted(None, None, None), Ok((SegmentKind::Geneve, 1442))),
            (wanted(Some("geneve"), None, Some(7)), Ok((SegmentKind::Geneve, 1442))),
            (wanted(Some("vxlan"), None, None), Ok((SegmentKind::Vxlan, 1442))),
            (wanted(Some("flat"), Some("external"), None), Ok((SegmentKind::Flat, 1500))),
            (wanted(Some("vlan"), Some("external"), Some(42)), Ok((SegmentKind::Vlan, 1500))),
            (wanted(Some("vlan"), Some("external"), None), Ok((SegmentKind::Vlan, 1500))),
            (wanted(None, Some("external"), None), Err("network_type required")),
            (wanted(Some("gre"), None, None), Err("'gre' not supported")),
            (wanted(Some("flat"), None, None), Err("physical_network required")),
            (wanted(Some("flat"), Some("nowhere"), None), Err("'nowhere' unknown")),
            (wanted(Some("flat"), Some("external"), Some(1)), Err("segmentation_id prohibited")),
            (wanted(Some("vlan"), Some("external"), Some(4095)), Err("out of range")),
            (wanted(Some("geneve"), Some("external"), None), Err("physical_network specified")),
            (wanted(Some("geneve"), None, Some(1 << 24)), Err("out of range")),
        ] {
            let got = ask.resolve(&settings, SegmentKind::Geneve);
            match (got, expect) {
                (Ok(segment), Ok(expect)) => assert_eq!((segment.kind, segment.mtu(&settings)), expect, "{ask:?}"),
                (Err(error), Err(text)) => assert!(error.to_string().contains(text), "{ask:?}: {error}"),
                (got, expect) => panic!("{ask:?}: {got:?}, expected {expect:?}"),
            }
        }
    }
}

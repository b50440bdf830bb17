//! Subnet pools: prefixes that subnets are cut from, so that no two subnets of a pool overlap.

use super::{
    AddressScopeId, Standard, SubnetPoolId,
    address::{address, number},
    standard::resource,
};
use crate::error::NetError;
use ipnet::{IpNet, Ipv4Subnets, Ipv6Subnets};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use store::{Index, IndexSink, Key, Object};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubnetPool {
    pub id: SubnetPoolId,
    pub standard: Standard,
    pub name: String,
    /// Of one family, aggregated; never empty.
    pub prefixes: Vec<IpNet>,
    pub default_prefixlen: u8,
    pub min_prefixlen: u8,
    pub max_prefixlen: u8,
    /// How much one project may have: addresses of IPv4, /64s of IPv6.
    pub default_quota: Option<u64>,
    /// The pool of its family for requests that name none; at most one.
    pub is_default: bool,
    /// Whose prefixes must not overlap those of the other pools of the scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address_scope: Option<AddressScopeId>,
    /// Raised with every subnet cut or given back: whoever cuts two at once conflicts here.
    pub serial: u64,
}

resource!(SubnetPool, "subnetpool", SubnetPoolNotFound);

impl SubnetPool {
    pub const BY_SCOPE: Index<SubnetPool> = Index::new(1);
}

impl Object for SubnetPool {
    const KIND: &'static str = "network.subnetpool";
    const INDEXES: &'static [&'static str] = &["project", "scope"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(<Self as super::Resource>::BY_PROJECT, &*self.standard.project);
        if let Some(scope) = &self.address_scope {
            sink.add(Self::BY_SCOPE, &**scope);
        }
    }
}

/// Prefix lengths that a pool has if nothing is said: Neutron's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    pub default: Option<u8>,
    pub min: Option<u8>,
    pub max: Option<u8>,
}

impl Bounds {
    /// Default, least and greatest prefix length, checked against each other.
    pub fn resolve(self, v6: bool) -> Result<(u8, u8, u8), NetError> {
        let bits = if v6 { 128 } else { 32 };
        let min = self.min.unwrap_or(if v6 { 64 } else { 8 });
        let max = self.max.unwrap_or(bits);
        let default = self.default.unwrap_or(min);
        let wrong =
            |what, len, base, base_len| Err(NetError::IllegalSubnetPoolPrefixBounds { what, len, base, base_len });
        match () {
            () if min > max => wrong("min_prefixlen", min, "max_prefixlen", max),
            () if max > bits => wrong("max_prefixlen", max, "ip_version_max", bits),
            () if default < min => wrong("default_prefixlen", default, "min_prefixlen", min),
            () if default > max => wrong("default_prefixlen", default, "max_prefixlen", max),
            () => Ok((default, min, max)),
        }
    }
}

/// Prefixes of one family, joined where they touch.
pub fn joined(prefixes: &[IpNet]) -> Result<Vec<IpNet>, NetError> {
    let first = prefixes.first().ok_or(NetError::EmptySubnetPoolPrefixList)?;
    let v6 = |net: &IpNet| matches!(net, IpNet::V6(_));
    if prefixes.iter().any(|p| v6(p) != v6(first)) {
        return Err(NetError::PrefixVersionMismatch);
    }
    Ok(IpNet::aggregate(&prefixes.iter().map(IpNet::trunc).collect()))
}

impl SubnetPool {
    pub fn is_v6(&self) -> bool {
        matches!(self.prefixes.first(), Some(IpNet::V6(_)))
    }

    pub fn ip_version(&self) -> u8 {
        if self.is_v6() { 6 } else { 4 }
    }

    /// A prefix of the length asked for that overlaps none of `cut`.
    pub fn cut_any(&self, length: u8, cut: &[IpNet]) -> Result<IpNet, NetError> {
        self.check_length(length)?;
        let free = self.free(cut);
        // The smallest block that is large enough, so that large ones stay whole.
        let fitting = free.iter().filter(|block| block.prefix_len() <= length);
        let best = fitting.max_by_key(|block| (block.prefix_len(), std::cmp::Reverse(number(block.network()))));
        let none = || NetError::SubnetAllocationError {
            reason: format!("Insufficient prefix space to allocate subnet size /{length}"),
        };
        let block = best.ok_or_else(none)?;
        IpNet::new(block.network(), length).map_err(|_| none())
    }

    /// This very prefix, if it lies in the pool and overlaps none of `cut`.
    pub fn cut_this(&self, wanted: &IpNet, cut: &[IpNet]) -> Result<(), NetError> {
        self.check_length(wanted.prefix_len())?;
        if self.free(cut).iter().any(|block| block.contains(wanted)) {
            return Ok(());
        }
        let reason = "Cannot allocate requested subnet from the available set of prefixes".to_owned();
        Err(NetError::SubnetAllocationError { reason })
    }

    fn check_length(&self, len: u8) -> Result<(), NetError> {
        if len > self.max_prefixlen {
            return Err(NetError::MaxPrefixSubnetAllocationError { len, max: self.max_prefixlen });
        }
        if len < self.min_prefixlen {
            return Err(NetError::MinPrefixSubnetAllocationError { len, min: self.min_prefixlen });
        }
        Ok(())
    }

    /// What a prefix counts against [`SubnetPool::default_quota`].
    pub fn quota_units(&self, length: u8) -> u64 {
        let unit = if self.is_v6() { 64 } else { 32u8 };
        1u64.checked_shl(u32::from(unit.saturating_sub(length))).unwrap_or(u64::MAX)
    }

    /// The pool without what was cut, in blocks.
    fn free(&self, cut: &[IpNet]) -> Vec<IpNet> {
        let mut cut: Vec<_> = cut.iter().map(|net| (number(net.network()), number(net.broadcast()))).collect();
        cut.sort_unstable();
        let mut free = Vec::new();
        for prefix in &self.prefixes {
            let (first, last) = (number(prefix.network()), number(prefix.broadcast()));
            let (mut from, like) = (first, prefix.network());
            let mut ended = false;
            for (first_cut, last_cut) in cut.iter().filter(|(a, b)| *a <= last && *b >= first) {
                if *first_cut > from {
                    blocks(address(from, like), address(first_cut - 1, like), &mut free);
                }
                match last_cut.checked_add(1) {
                    Some(next) => from = from.max(next),
                    None => ended = true,
                }
            }
            if !ended && from <= last {
                blocks(address(from, like), address(last, like), &mut free);
            }
        }
        free
    }
}

fn blocks(first: IpAddr, last: IpAddr, out: &mut Vec<IpNet>) {
    match (first, last) {
        (IpAddr::V4(a), IpAddr::V4(b)) => out.extend(Ipv4Subnets::new(a, b, 0).map(IpNet::V4)),
        (IpAddr::V6(a), IpAddr::V6(b)) => out.extend(Ipv6Subnets::new(a, b, 0).map(IpNet::V6)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn nets(text: &str) -> Vec<IpNet> {
        text.split_whitespace().map(|n| n.parse().unwrap()).collect()
    }

    fn pool(prefixes: &str) -> SubnetPool {
        let prefixes = joined(&nets(prefixes)).unwrap();
        let v6 = matches!(prefixes[0], IpNet::V6(_));
        let (default_prefixlen, min_prefixlen, max_prefixlen) = Bounds::default().resolve(v6).unwrap();
        SubnetPool {
            id: SubnetPoolId::from("p"),
            standard: Standard::default(),
            name: String::new(),
            prefixes,
            default_prefixlen,
            min_prefixlen,
            max_prefixlen,
            default_quota: None,
            is_default: false,
            address_scope: None,
            serial: 0,
        }
    }

    #[test]
    fn cuts() {
        for (prefixes, cut, length, expect) in [
            ("10.0.0.0/8", "", 24, "10.0.0.0/24"),
            ("10.0.0.0/8", "10.0.0.0/24", 24, "10.0.1.0/24"),
            ("10.0.0.0/8", "10.0.1.0/24", 24, "10.0.0.0/24"),
            ("10.0.0.0/8", "10.0.0.0/24", 16, "10.1.0.0/16"),
            ("10.0.0.0/24 10.8.0.0/16", "", 26, "10.0.0.0/26"),
            ("10.0.0.0/24 10.0.1.0/24", "", 23, "10.0.0.0/23"),
            ("10.0.0.0/24", "10.0.0.0/25 10.0.0.128/25", 26, "SubnetAllocationError"),
            ("10.0.0.0/24", "", 23, "SubnetAllocationError"),
            ("10.0.0.0/8", "", 7, "MinPrefixSubnetAllocationError"),
            ("10.0.0.0/8", "", 33, "MaxPrefixSubnetAllocationError"),
            ("fd00::/48", "fd00::/64", 64, "fd00:0:0:1::/64"),
            ("255.255.255.0/24", "255.255.255.128/25", 25, "255.255.255.0/25"),
            ("255.255.255.0/24", "255.255.255.0/24", 25, "SubnetAllocationError"),
        ] {
            let got = pool(prefixes).cut_any(length, &nets(cut));
            assert_eq!(
                got.map_or_else(|e| e.code().to_owned(), |n| n.to_string()),
                expect,
                "{prefixes} - {cut}, /{length}"
            );
        }
        let taken = nets("10.0.0.0/24");
        for (wanted, expect) in
            [("10.0.1.0/24", true), ("10.0.0.128/25", false), ("10.0.0.0/16", false), ("11.0.0.0/24", false)]
        {
            let wanted: IpNet = wanted.parse().unwrap();
            assert_eq!(pool("10.0.0.0/8").cut_this(&wanted, &taken).is_ok(), expect, "{wanted}");
        }
    }

    proptest! {
        /// However lengths come, no two cuts overlap and all lie in the pool.
        #[test]
        fn cuts_never_overlap(lengths in proptest::collection::vec(20u8..30, 1..60)) {
            let pool = pool("10.0.0.0/20 10.0.64.0/21");
            let mut cut: Vec<IpNet> = Vec::new();
            for length in lengths {
                let Ok(net) = pool.cut_any(length, &cut) else { continue };
                prop_assert!(pool.prefixes.iter().any(|p| p.contains(&net)), "{net}");
                prop_assert!(!cut.iter().any(|c| c.contains(&net) || net.contains(c)), "{net} overlaps one of {cut:?}");
                prop_assert_eq!(net.prefix_len(), length);
                cut.push(net);
            }
        }
    }

    #[test]
    fn bounds() {
        for (bounds, v6, expect) in [
            (Bounds::default(), false, Ok((8, 8, 32))),
            (Bounds::default(), true, Ok((64, 64, 128))),
            (Bounds { default: Some(24), ..Bounds::default() }, false, Ok((24, 8, 32))),
            (Bounds { default: Some(7), ..Bounds::default() }, false, Err("default_prefixlen")),
            (Bounds { max: Some(33), ..Bounds::default() }, false, Err("max_prefixlen")),
            (Bounds { min: Some(30), max: Some(29), ..Bounds::default() }, false, Err("min_prefixlen")),
        ] {
            match (bounds.resolve(v6), expect) {
                (Ok(got), Ok(expect)) => assert_eq!(got, expect),
                (Err(NetError::IllegalSubnetPoolPrefixBounds { what, .. }), Err(expect)) => assert_eq!(what, expect),
                (got, expect) => panic!("{bounds:?}: {got:?}, expected {expect:?}"),
            }
        }
        assert_eq!(joined(&[]), Err(NetError::EmptySubnetPoolPrefixList));
        assert_eq!(joined(&nets("10.0.0.0/8 fd00::/48")), Err(NetError::PrefixVersionMismatch));
        assert_eq!(pool("10.0.0.0/8").quota_units(24), 256);
        assert_eq!(pool("fd00::/48").quota_units(64), 1);
    }
}

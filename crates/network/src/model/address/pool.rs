//! Allocation pools: ranges of addresses that a subnet gives out by itself.

use super::{address, number};
use crate::error::NetError;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::{fmt, net::IpAddr};

/// From `start` to `end`, both included, of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    pub start: IpAddr,
    pub end: IpAddr,
}

impl fmt::Display for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.start, self.end)
    }
}

impl Pool {
    pub fn contains(&self, address: IpAddr) -> bool {
        self.start.is_ipv4() == address.is_ipv4() && self.start <= address && address <= self.end
    }

    /// How many addresses; at most `u128::MAX`.
    pub fn size(&self) -> u128 {
        (number(self.end).saturating_sub(number(self.start))).saturating_add(1)
    }
}

/// The addresses that hosts of the prefix can have: without network and broadcast address, where there are any.
fn hosts(cidr: &IpNet) -> (IpAddr, IpAddr) {
    let (first, last) = (number(cidr.network()), number(cidr.broadcast()));
    let like = cidr.network();
    let (first, last) = match cidr {
        IpNet::V4(net) if net.prefix_len() <= 30 => (first + 1, last - 1),
        IpNet::V6(net) if net.prefix_len() <= 126 => (first + 1, last),
        IpNet::V6(net) if net.prefix_len() == 127 => (first + 1, last),
        IpNet::V4(_) | IpNet::V6(_) => (first, last),
    };
    (address(first, like), address(last, like))
}

/// What a subnet gives out if nothing else was said: all hosts but the gateway.
pub fn default_pools(cidr: &IpNet, gateway: Option<IpAddr>) -> Vec<Pool> {
    let (start, end) = hosts(cidr);
    let whole = Pool { start, end };
    let Some(gateway) = gateway.filter(|g| whole.contains(*g)) else { return vec![whole] };
    let at = number(gateway);
    let mut pools = Vec::new();
    if at > number(start) {
        pools.push(Pool { start, end: address(at - 1, start) });
    }
    if at < number(end) {
        pools.push(Pool { start: address(at + 1, start), end });
    }
    pools
}

/// Pools that somebody gave: of the subnet's family, in order, within its hosts, not overlapping.
pub fn check_pools(pools: &[Pool], cidr: &IpNet) -> Result<(), NetError> {
    let (first, last) = hosts(cidr);
    for pool in pools {
        let family = |a: IpAddr| a.is_ipv4() == first.is_ipv4();
        if !family(pool.start) || !family(pool.end) || pool.start > pool.end {
            return Err(NetError::InvalidAllocationPool { pool: pool.to_string() });
        }
        if pool.start < first || pool.end > last {
            return Err(NetError::OutOfBoundsAllocationPool { pool: pool.to_string(), cidr: cidr.to_string() });
        }
    }
    let mut sorted: Vec<_> = pools.iter().collect();
    sorted.sort_by_key(|p| p.start);
    for pair in sorted.windows(2) {
        if pair[0].end >= pair[1].start {
            let (a, b, cidr) = (pair[0].to_string(), pair[1].to_string(), cidr.to_string());
            return Err(NetError::OverlappingAllocationPools { a, b, cidr });
        }
    }
    Ok(())
}

/// A gateway may not be given out.
pub fn outside_pools(gateway: IpAddr, pools: &[Pool]) -> Result<(), NetError> {
    match pools.iter().find(|p| p.contains(gateway)) {
        Some(pool) => Err(NetError::GatewayConflictWithAllocationPools { gateway, pool: pool.to_string() }),
        None => Ok(()),
    }
}

/// Whether a port may have the address: in the prefix, and not the address of the network or of everybody in it. Routers may
/// have IPv6's subnet-router anycast address, which is the network's.
pub fn host_fits(cidr: &IpNet, address: IpAddr, router: bool) -> bool {
    if !cidr.contains(&address) {
        return false;
    }
    match cidr {
        IpNet::V4(net) if net.prefix_len() >= 31 => true,
        IpNet::V4(_) => address != cidr.network() && address != cidr.broadcast(),
        IpNet::V6(_) => router || address != cidr.network(),
    }
}

/// A gateway may lie outside the prefix, but not on an IPv4 subnet's first or last address.
pub fn gateway_fits(cidr: &IpNet, gateway: IpAddr) -> bool {
    let IpNet::V4(net) = cidr else { return true };
    net.prefix_len() >= 31 || (gateway != cidr.network() && gateway != cidr.broadcast())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> IpNet {
        text.parse().unwrap()
    }
    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }
    fn pools(text: &str) -> Vec<Pool> {
        let pool = |p: &str| p.split_once('-').map(|(a, b)| Pool { start: ip(a), end: ip(b) });
        text.split_whitespace().filter_map(pool).collect()
    }

    #[test]
    fn default_pools_leave_the_gateway_out() {
        for (cidr, gateway, expect) in [
            ("10.0.0.0/24", Some("10.0.0.1"), "10.0.0.2-10.0.0.254"),
            ("10.0.0.0/24", None, "10.0.0.1-10.0.0.254"),
            ("10.0.0.0/24", Some("10.0.0.254"), "10.0.0.1-10.0.0.253"),
            ("10.0.0.0/24", Some("10.0.0.7"), "10.0.0.1-10.0.0.6 10.0.0.8-10.0.0.254"),
            ("10.0.0.0/24", Some("10.9.0.1"), "10.0.0.1-10.0.0.254"),
            ("10.0.0.0/30", Some("10.0.0.1"), "10.0.0.2-10.0.0.2"),
            ("10.0.0.0/31", Some("10.0.0.0"), "10.0.0.1-10.0.0.1"),
            ("10.0.0.5/32", None, "10.0.0.5-10.0.0.5"),
            ("fd00::/64", Some("fd00::1"), "fd00::2-fd00::ffff:ffff:ffff:ffff"),
            ("fd00::/126", None, "fd00::1-fd00::3"),
            ("fd00::5/128", None, "fd00::5-fd00::5"),
        ] {
            assert_eq!(default_pools(&net(cidr), gateway.map(ip)), pools(expect), "{cidr} {gateway:?}");
        }
    }

    #[test]
    fn given_pools_are_checked() {
        for (cidr, given, expect) in [
            ("10.0.0.0/24", "10.0.0.2-10.0.0.9 10.0.0.20-10.0.0.30", "ok"),
            ("10.0.0.0/24", "", "ok"),
            ("10.0.0.0/24", "10.0.0.9-10.0.0.2", "InvalidAllocationPool"),
            ("10.0.0.0/24", "fd00::1-fd00::2", "InvalidAllocationPool"),
            ("10.0.0.0/24", "10.0.0.0-10.0.0.9", "OutOfBoundsAllocationPool"),
            ("10.0.0.0/24", "10.0.0.250-10.0.0.255", "OutOfBoundsAllocationPool"),
            ("10.0.0.0/24", "10.0.0.20-10.0.0.30 10.0.0.2-10.0.0.20", "OverlappingAllocationPools"),
        ] {
            let got = check_pools(&pools(given), &net(cidr));
            assert_eq!(got.map_or_else(|e| e.code(), |()| "ok"), expect, "{cidr} {given}");
        }
        assert!(outside_pools(ip("10.0.0.2"), &pools("10.0.0.2-10.0.0.9")).is_err());
        assert!(outside_pools(ip("10.0.0.1"), &pools("10.0.0.2-10.0.0.9")).is_ok());
    }

    #[test]
    fn who_may_have_which_address() {
        for (cidr, address, router, expect) in [
            ("10.0.0.0/24", "10.0.0.1", false, true),
            ("10.0.0.0/24", "10.0.0.0", true, false),
            ("10.0.0.0/24", "10.0.0.255", false, false),
            ("10.0.0.0/24", "10.0.1.1", false, false),
            ("10.0.0.0/31", "10.0.0.0", false, true),
            ("fd00::/64", "fd00::", false, false),
            ("fd00::/64", "fd00::", true, true),
            ("fd00::/64", "10.0.0.1", false, false),
        ] {
            assert_eq!(host_fits(&net(cidr), ip(address), router), expect, "{cidr} {address} {router}");
        }
        assert!(!gateway_fits(&net("10.0.0.0/24"), ip("10.0.0.255")));
        assert!(gateway_fits(&net("10.0.0.0/24"), ip("10.9.0.255")));
        assert!(gateway_fits(&net("fd00::/64"), ip("fe80::1")));
    }
}

//! A device's addresses and routes, as `ip` shows them.

use crate::netns::Netns;
use ipnet::IpNet;
use kernel::{Result, error::Doing};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

#[derive(Deserialize)]
struct Shown {
    #[serde(default)]
    addr_info: Vec<ShownAddress>,
}

#[derive(Deserialize)]
struct ShownAddress {
    local: IpAddr,
    prefixlen: u8,
    #[serde(default)]
    scope: String,
}

/// A route through a device that somebody set, not the kernel for an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    pub dst: String,
    /// `ip` shows an IPv6 default route by the same word.
    #[serde(default)]
    pub v6: bool,
    #[serde(default)]
    pub gateway: Option<IpAddr>,
    #[serde(default)]
    pub metric: Option<u32>,
    #[serde(default)]
    protocol: String,
}

impl Route {
    pub fn command(&self, device: &str) -> String {
        let dst = if self.v6 && self.dst == "default" { "::/0" } else { &self.dst };
        let via = self.gateway.map(|g| format!(" via {g}")).unwrap_or_default();
        let metric = self.metric.map(|m| format!(" metric {m}")).unwrap_or_default();
        format!("route replace {dst}{via} dev {device}{metric}")
    }
}

/// The addresses that others may use: not those of the link alone.
pub async fn addresses(netns: &Netns, device: &str) -> Result<Vec<IpNet>> {
    let json = netns.command("ip", ["-json", "address", "show", "dev", device]).await?;
    let shown: Vec<Shown> = serde_json::from_str(&json).doing("reading a device's addresses")?;
    let global = shown.iter().flat_map(|s| &s.addr_info).filter(|a| a.scope == "global");
    Ok(global.filter_map(|a| IpNet::new(a.local, a.prefixlen).ok()).collect())
}

pub async fn routes(netns: &Netns, device: &str) -> Result<Vec<Route>> {
    let mut all = Vec::new();
    for (family, v6) in [("-4", false), ("-6", true)] {
        let json = netns.command("ip", ["-json", family, "route", "show", "dev", device]).await?;
        let routes: Vec<Route> = serde_json::from_str(&json).doing("reading a device's routes")?;
        let set = routes.into_iter().filter(|r| r.protocol != "kernel" && r.protocol != "ra");
        all.extend(set.map(|r| Route { v6, ..r }));
    }
    Ok(all)
}

/// The commands after which the device has exactly these addresses.
pub fn settle(device: &str, has: &[IpNet], wants: &[IpNet]) -> Vec<String> {
    let text = |net: &IpNet| format!("{}/{}", net.addr(), net.prefix_len());
    let gone = has.iter().filter(|a| !wants.contains(a)).map(|a| format!("address delete {} dev {device}", text(a)));
    let new = wants.iter().filter(|a| !has.contains(a)).map(|a| format!("address replace {} dev {device}", text(a)));
    gone.chain(new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_touched() {
        let nets = |texts: &[&str]| texts.iter().map(|t| t.parse().unwrap()).collect::<Vec<IpNet>>();
        assert!(settle("d", &nets(&["10.0.0.1/24"]), &nets(&["10.0.0.1/24"])).is_empty());
        let commands = settle("d", &nets(&["10.0.0.1/24", "10.0.0.2/24"]), &nets(&["10.0.0.2/24", "fd00::1/64"]));
        assert_eq!(commands, ["address delete 10.0.0.1/24 dev d", "address replace fd00::1/64 dev d"]);
    }

    #[test]
    fn routes_come_back_as_they_were() {
        let check = |json: &str, v6: bool, expect: &str| {
            let route = Route { v6, ..serde_json::from_str(json).unwrap() };
            assert_eq!(route.command("d"), expect);
        };
        let v4 = r#"{"dst":"default","gateway":"10.0.0.1","protocol":"static","metric":100,"flags":[]}"#;
        check(v4, false, "route replace default via 10.0.0.1 dev d metric 100");
        check(r#"{"dst":"fd01::/64","scope":"link"}"#, true, "route replace fd01::/64 dev d");
        check(r#"{"dst":"default","gateway":"fe80::1"}"#, true, "route replace ::/0 via fe80::1 dev d");
    }
}

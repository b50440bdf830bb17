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
    #[serde(default)]
    pub gateway: Option<IpAddr>,
    #[serde(default)]
    pub metric: Option<u32>,
    #[serde(default)]
    protocol: String,
}

impl Route {
    pub fn command(&self, device: &str) -> String {
        let family = if self.gateway.is_some_and(|g| g.is_ipv6()) || self.dst.contains(':') { "-6 " } else { "" };
        let via = self.gateway.map(|g| format!(" via {g}")).unwrap_or_default();
        let metric = self.metric.map(|m| format!(" metric {m}")).unwrap_or_default();
        format!("{family}route replace {}{via} dev {device}{metric}", self.dst)
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
    for family in ["-4", "-6"] {
        let json = netns.command("ip", ["-json", family, "route", "show", "dev", device]).await?;
        let routes: Vec<Route> = serde_json::from_str(&json).doing("reading a device's routes")?;
        all.extend(routes.into_iter().filter(|r| r.protocol != "kernel" && r.protocol != "ra"));
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
        let read = |json: &str| serde_json::from_str::<Route>(json).unwrap().command("d");
        let v4 = r#"{"dst":"default","gateway":"10.0.0.1","protocol":"static","metric":100,"flags":[]}"#;
        assert_eq!(read(v4), "route replace default via 10.0.0.1 dev d metric 100");
        assert_eq!(read(r#"{"dst":"fd01::/64","scope":"link"}"#), "-6 route replace fd01::/64 dev d");
    }
}

//! Several hosts on one machine: a network namespace each, joined by a bridge as by a cable, and by a second one to a network
//! that stands for the outside world. For `tstack lab` and for tests.
//!
//! ```text
//!   outside (this namespace, or one of its own)
//!     <prefix>-lab  bridge  10.10.0.254 ══ veth ══ eth0 of <prefix>-h1 10.10.0.1, <prefix>-h2 10.10.0.2, …   tunnels, agents
//!     <prefix>-out  bridge  172.24.4.1  ══ veth ══ eth1 of each host, without address                        external network
//! ```
//!
//! Everything made bears the prefix, and [`Lab::down`] takes away what bears it: it needs no memory of what was made.

use crate::{
    link::{self, Link},
    netns::{self, Netns},
    system::{Datapath, External, HostNetConfig, address, make_room},
};
use ipnet::{IpNet, Ipv4Net};
use kernel::{Error, HostName, Result};
use serde::{Deserialize, Serialize};
use std::{net::Ipv4Addr, path::PathBuf};

/// Room for a tunnel's header around a full packet of a guest.
const UNDERLAY_MTU: u32 = 1600;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LabConfig {
    /// As [`HostNetConfig::prefix`], but shorter: the hosts' own prefixes are this and their number, five characters at most.
    pub prefix: String,
    pub nodes: u8,
    /// Hosts have its addresses from 1 up; the outside has the last one but one.
    pub underlay: Ipv4Net,
    /// The outside's address in the external network.
    pub external: Ipv4Net,
    /// The namespace that is the outside; none: where we are, so that its clients reach the hosts and their floating ips.
    pub outside: Option<String>,
}

impl LabConfig {
    pub fn new(prefix: impl Into<String>, nodes: u8) -> Self {
        let net = |a, b, c, d, length| Ipv4Net::new(Ipv4Addr::new(a, b, c, d), length).unwrap_or_default();
        Self {
            prefix: prefix.into(),
            nodes,
            underlay: net(10, 10, 0, 0, 24),
            external: net(172, 24, 4, 1, 24),
            outside: None,
        }
    }

    fn outside(&self) -> Netns {
        self.outside.as_ref().map_or_else(Netns::here, Netns::named)
    }
    fn cable(&self) -> String {
        format!("{}-lab", self.prefix)
    }
    fn street(&self) -> String {
        format!("{}-out", self.prefix)
    }

    /// The outside's address on the cable.
    pub fn outside_address(&self) -> Result<Ipv4Net> {
        let last = u32::from(self.underlay.broadcast()).saturating_sub(1);
        Ipv4Net::new(last.into(), self.underlay.prefix_len()).map_err(|e| Error::bad_request(e.to_string()))
    }

    pub fn node(&self, number: u8) -> Result<LabNode> {
        let address = self.underlay.hosts().nth(usize::from(number).saturating_sub(1));
        let address = address
            .filter(|_| number > 0)
            .ok_or_else(|| Error::bad_request(format!("the lab has no address for host {number}")))?;
        let (name, netns) = (format!("h{number}"), format!("{}-h{number}", self.prefix));
        let prefix = format!("{}{number}", self.prefix);
        Ok(LabNode { number, prefix, name: HostName::from(name.as_str()), netns, address })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabNode {
    pub number: u8,
    /// Of the host's own things: names of namespaces are machine-wide.
    pub prefix: String,
    pub name: HostName,
    pub netns: String,
    pub address: Ipv4Addr,
}

impl LabNode {
    /// A host's configuration for [`crate::system::OvsHost`]. `state_dir` is of this host alone.
    pub fn network(&self, state_dir: PathBuf, physical: &str, southbound: String) -> HostNetConfig {
        let (addresses, nic) = (vec![], Some("eth1".to_owned()));
        HostNetConfig {
            state_dir,
            netns: Some(self.netns.clone()),
            prefix: self.prefix.clone(),
            system_id: self.name.clone(),
            encap_ip: self.address.into(),
            underlay: Some("eth0".into()),
            datapath: Datapath::Auto,
            southbound,
            external: vec![External { physical: physical.into(), addresses, masquerade: false, nic }],
            gateway: true,
        }
    }
}

pub struct Lab;

impl Lab {
    /// Makes what is missing of the lab and answers its hosts.
    pub async fn up(config: &LabConfig) -> Result<Vec<LabNode>> {
        if let Some(name) = &config.outside {
            netns::ensure(name).await?;
        }
        // Its hosts cannot: they are in namespaces.
        make_room().await;
        let outside = config.outside();
        let links = link::list(&outside).await?;
        bridge(&outside, &links, &config.cable(), UNDERLAY_MTU, config.outside_address()?.into()).await?;
        bridge(&outside, &links, &config.street(), 1500, config.external.into()).await?;
        let nodes = (1..=config.nodes).map(|n| config.node(n)).collect::<Result<Vec<_>>>()?;
        for node in &nodes {
            netns::ensure(&node.netns).await?;
            let address = IpNet::V4(
                Ipv4Net::new(node.address, config.underlay.prefix_len())
                    .map_err(|e| Error::bad_request(e.to_string()))?,
            );
            let near = format!("{}-u{}", config.prefix, node.number);
            let cable =
                Cable { outside: &outside, bridge: &config.cable(), near: &near, node, far: "eth0", mtu: UNDERLAY_MTU };
            cable.plug(&links, Some(address)).await?;
            let near = format!("{}-x{}", config.prefix, node.number);
            let street =
                Cable { outside: &outside, bridge: &config.street(), near: &near, node, far: "eth1", mtu: 1500 };
            street.plug(&links, None).await?;
        }
        Ok(nodes)
    }

    /// Why the lab cannot be made here: what others have of its names and addresses. `own`: those are this lab's, made before.
    pub async fn conflicts(config: &LabConfig, own: bool) -> Result<Vec<String>> {
        let mut found = Vec::new();
        if !own {
            let taken = netns::list(&format!("{}-h", config.prefix));
            found.extend(taken.first().map(|name| format!("the network namespace {name} is there already")));
        }
        let nets = [config.underlay.trunc(), config.external.trunc()];
        if nets[0].contains(&nets[1]) || nets[1].contains(&nets[0]) {
            found.push(format!("{} and {} overlap", nets[0], nets[1]));
        }
        let outside = config.outside();
        if config.outside.as_deref().is_some_and(|name| !netns::exists(name)) {
            return Ok(found);
        }
        let ours = format!("{}-", config.prefix);
        for link in link::list(&outside).await?.iter().filter(|l| !own || !l.ifname.starts_with(&ours)) {
            let addresses = address::addresses(&outside, &link.ifname).await?;
            let clash = |a: &&IpNet| nets.iter().any(|net| overlap(&IpNet::V4(*net), a));
            found.extend(addresses.iter().find(clash).map(|a| format!("{} has the address {a}", link.ifname)));
        }
        Ok(found)
    }

    /// Ends every process that runs in the lab's hosts, whoever started it.
    pub async fn sweep(config: &LabConfig) -> Result<()> {
        for name in netns::list(&format!("{}-h", config.prefix)) {
            netns::kill_inside(&name).await?;
        }
        Ok(())
    }

    /// Takes the lab away. What runs in it must have been taken down before.
    pub async fn down(config: &LabConfig) -> Result<()> {
        for name in netns::list(&format!("{}-h", config.prefix)) {
            netns::remove(&name).await?;
        }
        if config.outside.as_deref().is_none_or(netns::exists) {
            let ours = format!("{}-", config.prefix);
            for link in link::list(&config.outside()).await?.iter().filter(|l| l.ifname.starts_with(&ours)) {
                link::delete(&config.outside(), &link.ifname).await?;
            }
        }
        match &config.outside {
            Some(name) => netns::remove(name).await,
            None => Ok(()),
        }
    }
}

fn overlap(a: &IpNet, b: &IpNet) -> bool {
    a.contains(&b.addr()) || b.contains(&a.addr())
}

async fn bridge(netns: &Netns, links: &[Link], name: &str, mtu: u32, address: IpNet) -> Result<()> {
    let mut lines = Vec::new();
    if !links.iter().any(|l| l.ifname == name) {
        lines.push(format!("link add {name} type bridge"));
    }
    lines.push(format!("address replace {}/{} dev {name}", address.addr(), address.prefix_len()));
    lines.push(format!("link set {name} mtu {mtu} up"));
    netns.ip(&lines).await
}

struct Cable<'a> {
    outside: &'a Netns,
    bridge: &'a str,
    near: &'a str,
    node: &'a LabNode,
    far: &'a str,
    mtu: u32,
}

impl Cable<'_> {
    /// Joins the host to the bridge. The far end's address is set only when it is made: later the host's own switch has it.
    async fn plug(&self, links: &[Link], address: Option<IpNet>) -> Result<()> {
        let (near, far, netns, mtu) = (self.near, self.far, &self.node.netns, self.mtu);
        let inside = Netns::named(netns);
        let into = format!("link set {near} master {} up", self.bridge);
        if links.iter().any(|l| l.ifname == near) {
            if link::exists(&inside, far).await? {
                return self.outside.ip(&[into]).await;
            }
            // It leads into a namespace that is gone.
            link::delete(self.outside, near).await?;
        }
        let pair = format!("link add {near} mtu {mtu} type veth peer name {far} mtu {mtu} netns {netns}");
        self.outside.ip(&[pair, into]).await?;
        link::no_checksum_offload(self.outside, near).await?;
        link::no_checksum_offload(&inside, far).await?;
        let mut lines: Vec<_> =
            address.iter().map(|a| format!("address replace {}/{} dev {far}", a.addr(), a.prefix_len())).collect();
        lines.push(format!("link set {far} up"));
        inside.ip(&lines).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_have_names_and_addresses_in_order() {
        let config = LabConfig::new("lab", 2);
        let node = config.node(2).unwrap();
        assert_eq!((node.name.as_str(), node.netns.as_str(), node.prefix.as_str()), ("h2", "lab-h2", "lab2"));
        assert_eq!(node.address.to_string(), "10.10.0.2");
        assert_eq!(config.outside_address().unwrap().to_string(), "10.10.0.254/24");
        assert!(config.node(0).is_err());
    }
}

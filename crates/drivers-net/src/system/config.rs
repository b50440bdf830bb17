//! What operators say about the network of a host, and the names that follow from it.

use crate::{netns::Netns, ovsdb::Endpoint};
use ipnet::IpNet;
use kernel::{Error, HostName, Result};
use serde::{Deserialize, Serialize};
use std::{
    net::IpAddr,
    path::{Path, PathBuf},
};

/// Which switch forwards packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Datapath {
    /// The kernel's if a trial succeeds, else the userspace one.
    #[default]
    Auto,
    /// ovs-vswitchd itself, in user space.
    Netdev,
    /// The kernel module openvswitch.
    System,
}

/// A physical network at this host: a bridge of its own, `<prefix>-ex`, `<prefix>-ex1`, …
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct External {
    /// Neutron's `provider:physical_network`.
    pub physical: String,
    /// This host's own addresses on it, so that it reaches floating ips.
    pub addresses: Vec<IpNet>,
    /// Let guests out through this host: what comes from these addresses' networks leaves with the host's own address.
    pub masquerade: bool,
    /// A network card to connect.
    pub nic: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostNetConfig {
    /// Sockets, databases, pidfiles and logs; at most 75 characters, because a socket's path may have only 107.
    pub state_dir: PathBuf,
    /// The namespace that is this host; none: the one we run in.
    pub netns: Option<String>,
    /// Begins the name of everything made on this machine that has a name; one to five lower case letters and digits.
    pub prefix: String,
    /// The chassis' name; the same as the host's in TStack.
    pub system_id: HostName,
    /// Where other hosts send their tunnels' packets.
    pub encap_ip: IpAddr,
    /// The network card with `encap_ip`. With the userspace datapath it becomes part of a bridge that takes over its
    /// addresses; without it, and on a single host, no tunnel comes in.
    pub underlay: Option<String>,
    pub datapath: Datapath,
    /// OVN's southbound database, as OVS's tools write it: `unix:…` or `tcp:…`, several with commas between. Empty: there is no
    /// OVN, and an SDN controller programs the switch in its own way.
    pub southbound: String,
    pub external: Vec<External>,
    /// May carry routers' gateways. If no host may, every host with the physical network does.
    pub gateway: bool,
}

impl HostNetConfig {
    pub fn check(&self) -> Result<()> {
        check_prefix(&self.prefix)?;
        check_dir(&self.state_dir)?;
        if self.is_ovn() && Endpoint::list(&self.southbound)?.is_empty() {
            return Err(Error::bad_request("no address of OVN's southbound database is given"));
        }
        let legal = |name: &str| !name.is_empty() && !name.contains([':', ',']) && !name.contains(char::is_whitespace);
        match self.external.iter().find(|e| !legal(&e.physical)) {
            Some(e) => Err(Error::bad_request(format!("{:?} is no name for a physical network", e.physical))),
            None => Ok(()),
        }
    }

    /// Whether ovn-controller programs the switch.
    pub fn is_ovn(&self) -> bool {
        !self.southbound.is_empty()
    }
    pub fn netns(&self) -> Netns {
        self.netns.as_ref().map_or_else(Netns::here, Netns::named)
    }
    pub fn database(&self) -> Endpoint {
        Endpoint::Unix(self.state_dir.join("db.sock"))
    }
    /// The bridge of the guests' ports.
    /// Where a bridge takes OpenFlow from who administers it.
    pub fn bridge_socket(&self, bridge: &str) -> String {
        format!("unix:{}", self.state_dir.join(format!("{bridge}.mgmt")).display())
    }
    pub fn integration_bridge(&self) -> String {
        format!("{}-int", self.prefix)
    }
    /// The bridge that takes over the underlay's network card.
    pub fn underlay_bridge(&self) -> String {
        format!("{}-phy", self.prefix)
    }
    pub fn external_bridge(&self, index: usize) -> String {
        if index == 0 { format!("{}-ex", self.prefix) } else { format!("{}-ex{index}", self.prefix) }
    }
    pub fn nft_table(&self) -> String {
        format!("{}_tstack", self.prefix)
    }
    pub fn metadata_namespaces(&self) -> String {
        format!("{}-md-", self.prefix)
    }
    /// Whether this device is a bridge's own port: such a one outlives a switch that was killed.
    pub fn is_bridge(&self, device: &str) -> bool {
        let external = (0..self.external.len()).map(|i| self.external_bridge(i));
        external.chain([self.integration_bridge(), self.underlay_bridge()]).any(|name| name == device)
    }
    /// `ovn-bridge-mappings`
    pub fn mappings(&self) -> String {
        let pairs =
            self.external.iter().enumerate().map(|(i, e)| format!("{}:{}", e.physical, self.external_bridge(i)));
        pairs.collect::<Vec<_>>().join(",")
    }
}

/// OVN's databases and northd, on the node that has them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CentralConfig {
    pub state_dir: PathBuf,
    pub netns: Option<String>,
    /// Listen on TCP for other hosts, too: the address, and the ports of northbound and southbound database.
    pub listen: Option<(IpAddr, u16, u16)>,
}

impl CentralConfig {
    pub fn check(&self) -> Result<()> {
        check_dir(&self.state_dir)
    }
    pub fn netns(&self) -> Netns {
        self.netns.as_ref().map_or_else(Netns::here, Netns::named)
    }
    pub fn northbound(&self) -> Endpoint {
        Endpoint::Unix(self.state_dir.join("ovnnb.sock"))
    }
    pub fn southbound(&self) -> Endpoint {
        Endpoint::Unix(self.state_dir.join("ovnsb.sock"))
    }
}

fn check_prefix(prefix: &str) -> Result<()> {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    if (1..=5).contains(&prefix.len()) && prefix.bytes().all(legal) {
        return Ok(());
    }
    Err(Error::bad_request(format!(
        "{prefix:?} cannot begin names of devices: it must be one to five lower case letters and digits"
    )))
}

fn check_dir(dir: &Path) -> Result<()> {
    let length = dir.as_os_str().len();
    if dir.is_absolute() && length <= 75 {
        return Ok(());
    }
    Err(Error::bad_request(format!(
        "{} must be an absolute path of at most 75 characters: sockets are to lie in it",
        dir.display()
    )))
}

#[cfg(test)]
pub mod testing {
    use super::*;

    pub fn config() -> HostNetConfig {
        HostNetConfig {
            state_dir: "/tmp/x".into(),
            netns: None,
            prefix: "ts".into(),
            system_id: "h1".into(),
            encap_ip: [127, 0, 0, 1].into(),
            underlay: None,
            datapath: Datapath::Auto,
            southbound: "unix:/tmp/x/ovnsb.sock".into(),
            external: vec![],
            gateway: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{testing::config, *};

    #[test]
    fn what_cannot_work_is_refused_with_a_sentence() {
        config().check().unwrap();
        let external =
            |physical: &str| External { physical: physical.into(), addresses: vec![], masquerade: false, nic: None };
        let check = |broken: HostNetConfig, says: &str| {
            let error = broken.check().unwrap_err();
            assert!(error.message().contains(says), "{error}");
        };
        check(HostNetConfig { prefix: "Very-long".into(), ..config() }, "Very-long");
        check(HostNetConfig { prefix: String::new(), ..config() }, "one to five");
        check(HostNetConfig { state_dir: "relative".into(), ..config() }, "relative");
        check(HostNetConfig { state_dir: format!("/{}", "x".repeat(75)).into(), ..config() }, "75 characters");
        check(HostNetConfig { southbound: ",".into(), ..config() }, "southbound");
        check(HostNetConfig { external: vec![external("a:b")], ..config() }, "a:b");
    }

    #[test]
    fn names_fit_a_device() {
        let external =
            |physical: &str| External { physical: physical.into(), addresses: vec![], masquerade: false, nic: None };
        let c =
            HostNetConfig { prefix: "abcde".into(), external: vec![external("public"), external("lab")], ..config() };
        assert_eq!(c.mappings(), "public:abcde-ex,lab:abcde-ex1");
        for name in [c.integration_bridge(), c.underlay_bridge(), c.external_bridge(12)] {
            assert!(name.len() <= crate::link::NAME_LIMIT, "{name}");
        }
    }
}

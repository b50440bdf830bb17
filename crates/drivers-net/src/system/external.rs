//! Physical networks at this host: a bridge each, which OVN joins to the integration bridge (`ovn-bridge-mappings`), with
//! addresses of the host's own and, where wanted, a way out for guests behind the host's address.

use super::{
    address,
    config::{External, HostNetConfig},
    daemon::remove_file,
    datapath::Kind,
};
use crate::{
    host::switch::{BridgeSpec, PortSpec, Switch},
    link::{self, Owner},
};
use kernel::{Result, error::Doing};
use std::{fmt::Write as _, path::PathBuf};

pub async fn ensure(config: &HostNetConfig, datapath: Kind, switch: &Switch) -> Result<()> {
    let netns = config.netns();
    for (index, external) in config.external.iter().enumerate() {
        let bridge = config.external_bridge(index);
        let spec = BridgeSpec { name: bridge.clone(), datapath: datapath.name(), secure: false, mac: None };
        switch.add_bridge(&spec).await?;
        if let Some(nic) = &external.nic {
            connect(config, datapath, nic, &bridge, switch).await?;
        }
        let mut lines = address::settle(&bridge, &address::addresses(&netns, &bridge).await?, &external.addresses);
        lines.push(format!("link set {bridge} up"));
        netns.ip(&lines).await?;
    }
    if config.external.iter().any(|e| e.masquerade) {
        forward(config).await?;
        netns.nft(masquerade(config)).await?;
    }
    Ok(())
}

async fn connect(config: &HostNetConfig, datapath: Kind, nic: &str, bridge: &str, switch: &Switch) -> Result<()> {
    let netns = config.netns();
    if datapath == Kind::Userspace && link::exists(&netns, nic).await? {
        for feature in ["tx", "gro", "lro"] {
            let _ = netns.command("ethtool", ["-K", nic, feature, "off"]).await;
        }
    }
    netns.ip(&[format!("link set {nic} up")]).await?;
    let port = PortSpec {
        device: nic.to_owned(),
        bridge: bridge.to_owned(),
        iface_id: None,
        mac: None,
        owner: Owner::Stranger,
        ifindex: None,
    };
    switch.add_port(&port).await
}

const FORWARDING: &str = "net/ipv4/ip_forward";

fn former_forwarding(config: &HostNetConfig) -> PathBuf {
    config.state_dir.join("ip_forward.was")
}

/// Routing between the bridge and the rest of the host; how it was is written down.
async fn forward(config: &HostNetConfig) -> Result<()> {
    if config.netns().sysctl(FORWARDING).await? == "0" {
        std::fs::write(former_forwarding(config), "0").doing("writing down that the host did not route")?;
        config.netns().set_sysctl(FORWARDING, "1").await?;
    }
    Ok(())
}

fn masquerade(config: &HostNetConfig) -> String {
    let table = config.nft_table();
    let mut script = format!("table ip {table} {{\n}}\ndelete table ip {table}\ntable ip {table} {{\n chain out {{\n");
    script.push_str("  type nat hook postrouting priority 100; policy accept;\n");
    for net in config.external.iter().filter(|e| e.masquerade).flat_map(nets_v4) {
        let _ = writeln!(script, "  ip saddr {net} ip daddr != {net} masquerade");
    }
    script.push_str(" }\n}\n");
    script
}

fn nets_v4(external: &External) -> impl Iterator<Item = ipnet::IpNet> {
    external.addresses.iter().filter(|a| a.addr().is_ipv4()).map(ipnet::IpNet::trunc)
}

/// Undoes what outlives the bridges.
pub async fn undo(config: &HostNetConfig) -> Result<()> {
    if former_forwarding(config).exists() {
        config.netns().set_sysctl(FORWARDING, "0").await?;
        remove_file(&former_forwarding(config))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::config::testing::config;

    #[test]
    fn what_leaves_the_external_network_is_masqueraded() {
        let external = |address: &str, masquerade: bool| External {
            physical: "p".into(),
            addresses: vec![address.parse().unwrap()],
            masquerade,
            nic: None,
        };
        let all =
            vec![external("172.24.4.1/24", true), external("192.168.9.1/24", false), external("fd00::1/64", true)];
        let script = masquerade(&HostNetConfig { external: all, ..config() });
        let rules: Vec<_> = script.lines().filter(|l| l.contains("masquerade")).map(str::trim).collect();
        assert_eq!(rules, ["ip saddr 172.24.4.0/24 ip daddr != 172.24.4.0/24 masquerade"]);
        assert!(script.contains("table ip ts_tstack"));
    }
}

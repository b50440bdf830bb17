//! Tunnels with the userspace datapath. It can send and receive them only through a network card that is a port of one of
//! its own bridges, so the card is given to a bridge, and the bridge's own port takes over the card's addresses and routes.
//!
//! The kernel goes on seeing what comes in at the card, and would answer a second time: an ingress rule drops it there. The
//! switch loses nothing, its packet socket comes before that rule.
//!
//! What the card had is written down before it is taken, and given back by [`give_back`].

use super::{
    address::{self, Route},
    config::HostNetConfig,
    daemon::remove_file,
};
use crate::{
    host::switch::{BridgeSpec, PortSpec, Switch},
    link::{self, Owner},
};
use ipnet::IpNet;
use kernel::{Error, Result, error::Doing};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

#[derive(Debug, Serialize, Deserialize)]
struct Taken {
    nic: String,
    mac: String,
    mtu: u32,
    addresses: Vec<IpNet>,
    routes: Vec<Route>,
}

fn record(config: &HostNetConfig) -> PathBuf {
    config.state_dir.join("underlay.json")
}

fn read(config: &HostNetConfig) -> Result<Option<Taken>> {
    match std::fs::read(record(config)) {
        Ok(json) => serde_json::from_slice(&json).doing("reading what the underlay's card had").map(Some),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e).doing("reading what the underlay's card had"),
    }
}

async fn look(config: &HostNetConfig, nic: &str) -> Result<Taken> {
    let netns = config.netns();
    let link = link::list(&netns).await?.into_iter().find(|l| l.ifname == nic);
    let link = link.ok_or_else(|| Error::bad_request(format!("there is no network card {nic} on this host")))?;
    let (addresses, routes) = (address::addresses(&netns, nic).await?, address::routes(&netns, nic).await?);
    Ok(Taken { nic: nic.to_owned(), mac: link.address, mtu: link.mtu, addresses, routes })
}

pub async fn take_over(config: &HostNetConfig, nic: &str, switch: &Switch) -> Result<()> {
    let taken = match read(config)? {
        Some(taken) if taken.nic == nic => taken,
        Some(other) => {
            return Err(Error::bad_request(format!(
                "the underlay is on {}; take it down before using {nic}",
                other.nic
            )));
        }
        None => {
            let taken = look(config, nic).await?;
            let json = serde_json::to_vec_pretty(&taken).doing("writing down what the underlay's card has")?;
            std::fs::write(record(config), json).doing("writing down what the underlay's card has")?;
            taken
        }
    };
    let (netns, bridge) = (config.netns(), config.underlay_bridge());
    // Packet sockets see frames as the card hands them to the kernel: not merged, and with whole checksums when they leave.
    for feature in ["tx", "gro", "lro"] {
        let _ = netns.command("ethtool", ["-K", nic, feature, "off"]).await;
    }
    let spec = BridgeSpec { name: bridge.clone(), datapath: "netdev", secure: false, mac: Some(taken.mac.clone()) };
    switch.add_bridge(&spec).await?;
    let port = PortSpec {
        device: nic.to_owned(),
        bridge: bridge.clone(),
        iface_id: None,
        mac: None,
        owner: Owner::Stranger,
        ifindex: None,
    };
    switch.add_port(&port).await?;
    let mut lines = address::settle(nic, &address::addresses(&netns, nic).await?, &[]);
    lines.extend(address::settle(&bridge, &address::addresses(&netns, &bridge).await?, &taken.addresses));
    lines.push(format!("link set {nic} up"));
    lines.push(format!("link set {bridge} mtu {} up", taken.mtu));
    lines.extend(taken.routes.iter().map(|route| route.command(&bridge)));
    netns.ip(&lines).await?;
    netns.nft(deaf(&config.nft_table(), nic)).await
}

/// Makes the kernel deaf at the card.
fn deaf(table: &str, nic: &str) -> String {
    format!(
        "table netdev {table} {{\n}}\ndelete table netdev {table}\ntable netdev {table} {{\n chain underlay {{\n  \
         type filter hook ingress device \"{nic}\" priority 0; policy drop;\n }}\n}}\n"
    )
}

/// After the bridge is gone: the card as it was.
pub async fn give_back(config: &HostNetConfig) -> Result<()> {
    let Some(taken) = read(config)? else { return Ok(()) };
    let netns = config.netns();
    if link::exists(&netns, &taken.nic).await? {
        let mut lines = address::settle(&taken.nic, &address::addresses(&netns, &taken.nic).await?, &taken.addresses);
        lines.push(format!("link set {} up", taken.nic));
        lines.extend(taken.routes.iter().map(|route| route.command(&taken.nic)));
        netns.ip(&lines).await?;
    }
    remove_file(&record(config))
}

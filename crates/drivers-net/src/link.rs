//! The kernel's network devices, as `ip` shows them. What we made is marked by its alias, so that it can be told from what
//! others made, whatever its name.

use crate::netns::Netns;
use kernel::{NetworkId, PortId, Result, error::Doing};
use serde::Deserialize;
use serde_json::Value;

/// IFNAMSIZ less the final zero.
pub const NAME_LIMIT: usize = 15;

#[derive(Clone, Debug, Deserialize)]
pub struct Link {
    /// Never given twice while the machine runs: a device made anew under an old name has another one.
    #[serde(default)]
    pub ifindex: u32,
    pub ifname: String,
    #[serde(default)]
    pub ifalias: String,
    #[serde(default)]
    pub address: String,
    #[serde(default)]
    pub mtu: u32,
    #[serde(default)]
    pub stats64: Stats64,
    /// What devices of its kind have besides.
    #[serde(default)]
    pub linkinfo: Value,
}

/// What the device counted since it was made: received from its other end, and sent there.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct Stats64 {
    pub rx: Stats,
    pub tx: Stats,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct Stats {
    pub bytes: u64,
    pub packets: u64,
    pub dropped: u64,
}

/// Whose device this is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// A guest's tap.
    Port(PortId),
    /// The host's end of a network's metadata namespace.
    Metadata(NetworkId),
    /// Nothing of ours.
    Stranger,
}

impl Link {
    /// Whether a tap can be opened several times.
    pub fn is_multi_queue(&self) -> bool {
        self.linkinfo["info_data"]["multi_queue"] == true
    }

    pub fn owner(&self) -> Owner {
        match self.ifalias.strip_prefix("tstack:").and_then(|rest| rest.split_once(':')) {
            Some(("port", id)) => Owner::Port(id.into()),
            Some(("metadata", id)) => Owner::Metadata(id.into()),
            _ => Owner::Stranger,
        }
    }
}

impl Owner {
    pub fn alias(&self) -> String {
        match self {
            Self::Port(id) => format!("tstack:port:{id}"),
            Self::Metadata(id) => format!("tstack:metadata:{id}"),
            Self::Stranger => String::new(),
        }
    }
}

pub async fn list(netns: &Netns) -> Result<Vec<Link>> {
    let json = netns.command("ip", ["-json", "-statistics", "-details", "link", "show"]).await?;
    serde_json::from_str(&json).doing("reading the list of network devices")
}

pub async fn find(netns: &Netns, name: &str) -> Result<Option<Link>> {
    Ok(list(netns).await?.into_iter().find(|link| link.ifname == name))
}

pub async fn exists(netns: &Netns, name: &str) -> Result<bool> {
    Ok(find(netns, name).await?.is_some())
}

/// Deletes the device if it is there.
pub async fn delete(netns: &Netns, name: &str) -> Result<()> {
    let deleted = netns.command("ip", ["link", "delete", name]).await;
    if deleted.is_err() && !exists(netns, name).await? { Ok(()) } else { deleted.map(|_| ()) }
}

/// Frames that leave this device must carry their checksum: the userspace switch reads them through a packet socket, which
/// hands on no "checksum still to do". Without it, ping works and TCP does not.
pub async fn no_checksum_offload(netns: &Netns, name: &str) -> Result<()> {
    netns.command("ethtool", ["-K", name, "tx", "off"]).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_devices_are_known_by_their_alias() {
        let check = |alias: &str, owner: Owner| {
            let (ifname, ifalias, address) = ("x".into(), alias.into(), String::new());
            let link = Link {
                ifindex: 1,
                ifname,
                ifalias,
                address,
                mtu: 1500,
                stats64: Stats64::default(),
                linkinfo: Value::Null,
            };
            assert_eq!(link.owner(), owner, "{alias}");
        };
        for owner in [Owner::Port("p".into()), Owner::Metadata("n".into())] {
            check(&owner.alias(), owner);
        }
        for alias in ["", "uplink", "tstack:", "tstack:other:x", "port:p"] {
            check(alias, Owner::Stranger);
        }
    }
}

//! How objects of the logical network are named, what they need, and how two versions of one are told apart.

use super::{
    LFloatingIp, LNetwork, LPort, LPortForwarding, LRouter, LRouterInterface, LSecurityGroup, LSubnet, Logical,
};
use crate::model::PortForwardingId;
use kernel::{FloatingIpId, NetworkId, PortId, Result, RouterId, SecurityGroupId, SubnetId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{fmt, str::FromStr};

/// Which object; the order of variants is the order in which objects must be put (and, reversed, removed).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "type", content = "id", rename_all = "snake_case")]
pub enum LogicalKey {
    Network(NetworkId),
    Subnet(SubnetId),
    SecurityGroup(SecurityGroupId),
    Router(RouterId),
    Port(PortId),
    /// By the id of the interface's port.
    RouterInterface(PortId),
    FloatingIp(FloatingIpId),
    PortForwarding(PortForwardingId),
}

impl Logical {
    pub fn key(&self) -> LogicalKey {
        match self {
            Self::Network(o) => LogicalKey::Network(o.id.clone()),
            Self::Subnet(o) => LogicalKey::Subnet(o.id.clone()),
            Self::SecurityGroup(o) => LogicalKey::SecurityGroup(o.id.clone()),
            Self::Port(o) => LogicalKey::Port(o.id.clone()),
            Self::Router(o) => LogicalKey::Router(o.id.clone()),
            Self::RouterInterface(o) => LogicalKey::RouterInterface(o.port.clone()),
            Self::FloatingIp(o) => LogicalKey::FloatingIp(o.id.clone()),
            Self::PortForwarding(o) => LogicalKey::PortForwarding(o.id.clone()),
        }
    }

    /// The objects without which this one cannot be.
    pub fn needs(&self) -> Vec<LogicalKey> {
        match self {
            Self::Network(_) | Self::Subnet(_) | Self::SecurityGroup(_) => vec![],
            Self::Port(o) => vec![LogicalKey::Network(o.network.clone())],
            Self::Router(o) => o.gateways().map(|g| LogicalKey::Network(g.network.clone())).collect(),
            Self::RouterInterface(o) => {
                vec![LogicalKey::Router(o.router.clone()), LogicalKey::Network(o.network.clone())]
            }
            Self::FloatingIp(o) => vec![LogicalKey::Router(o.router.clone())],
            Self::PortForwarding(o) => vec![LogicalKey::Router(o.router.clone())],
        }
    }

    /// What [`super::NetworkBackend::dump`] shows for this object when the backend holds exactly it. Depends on nothing but the
    /// object, so that every member and every version with the same fields computes the same.
    pub fn digest(&self) -> u64 {
        let json = serde_json::to_vec(self).unwrap_or_default();
        Sha256::digest(json).iter().take(8).fold(0, |n, byte| (n << 8) | u64::from(*byte))
    }
}

macro_rules! logical_from {
    ($($variant:ident($object:ident)),+) => {$(
        impl From<$object> for Logical {
            fn from(object: $object) -> Self {
                Self::$variant(object)
            }
        }
    )+};
}
logical_from!(
    Network(LNetwork),
    Subnet(LSubnet),
    SecurityGroup(LSecurityGroup),
    Port(LPort),
    Router(LRouter),
    RouterInterface(LRouterInterface),
    FloatingIp(LFloatingIp),
    PortForwarding(LPortForwarding)
);

/// `port/<id>`: how back ends mark what belongs to an object.
impl fmt::Display for LogicalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(id) => write!(f, "network/{id}"),
            Self::Subnet(id) => write!(f, "subnet/{id}"),
            Self::SecurityGroup(id) => write!(f, "security-group/{id}"),
            Self::Router(id) => write!(f, "router/{id}"),
            Self::Port(id) => write!(f, "port/{id}"),
            Self::RouterInterface(id) => write!(f, "router-interface/{id}"),
            Self::FloatingIp(id) => write!(f, "floating-ip/{id}"),
            Self::PortForwarding(id) => write!(f, "port-forwarding/{id}"),
        }
    }
}

impl FromStr for LogicalKey {
    type Err = kernel::Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.split_once('/') {
            Some(("network", id)) => Ok(Self::Network(id.into())),
            Some(("subnet", id)) => Ok(Self::Subnet(id.into())),
            Some(("security-group", id)) => Ok(Self::SecurityGroup(id.into())),
            Some(("router", id)) => Ok(Self::Router(id.into())),
            Some(("port", id)) => Ok(Self::Port(id.into())),
            Some(("router-interface", id)) => Ok(Self::RouterInterface(id.into())),
            Some(("floating-ip", id)) => Ok(Self::FloatingIp(id.into())),
            Some(("port-forwarding", id)) => Ok(Self::PortForwarding(id.into())),
            _ => Err(kernel::Error::bad_request(format!("{text:?} is no key of a logical object"))),
        }
    }
}

//! Agents: what Neutron's clients know a host's networking by. They follow from the hosts; what is stored is only what an
//! administrator said about one. No process runs under these names: `ovn-controller` and the host's own `tstack` do all their
//! work, so every host has one of each kind.

use kernel::{HostName, Timestamp};
use ports::HostStatus;
use serde::{Deserialize, Serialize};
use store::{Key, Object};
use uuid::Uuid;

/// What somebody noted about an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentNote {
    pub id: String,
    pub admin_up: bool,
    pub description: String,
    /// Removed: not shown again before its host is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
}

impl AgentNote {
    pub fn new(id: &str) -> Self {
        Self { id: id.to_owned(), admin_up: true, description: String::new(), removed: false }
    }
}

impl Object for AgentNote {
    const KIND: &'static str = "network.agent";
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentKind {
    Controller,
    Metadata,
    Dhcp,
    L3,
}

impl AgentKind {
    pub const EVERY: [Self; 4] = [Self::Controller, Self::Metadata, Self::Dhcp, Self::L3];

    pub fn name(self) -> &'static str {
        match self {
            Self::Controller => "OVN Controller agent",
            Self::Metadata => "OVN Metadata agent",
            Self::Dhcp => "DHCP agent",
            Self::L3 => "L3 agent",
        }
    }

    /// By name, in any case: Neutron's database compares so, and clients write `DHCP Agent`.
    pub fn parse(name: &str) -> Option<Self> {
        Self::EVERY.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name))
    }

    pub fn binary(self) -> &'static str {
        match self {
            Self::Controller => "ovn-controller",
            Self::Metadata => "neutron-ovn-metadata-agent",
            Self::Dhcp => "neutron-dhcp-agent",
            Self::L3 => "neutron-l3-agent",
        }
    }

    pub fn topic(self) -> &'static str {
        match self {
            Self::Controller | Self::Metadata => "n/a",
            Self::Dhcp => "dhcp_agent",
            Self::L3 => "l3_agent",
        }
    }
}

/// One agent of one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    pub id: String,
    pub kind: AgentKind,
    pub host: HostName,
    pub alive: bool,
    pub last_seen: Timestamp,
}

/// A host's agents. Their ids follow from host and kind, so that they stay the same.
pub fn agents_of(host: &HostStatus) -> impl Iterator<Item = Agent> + use<> {
    let host = host.clone();
    AgentKind::EVERY.into_iter().map(move |kind| Agent {
        id: Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{}/{}", kind.name(), host.host).as_bytes()).to_string(),
        kind,
        host: host.host.clone(),
        alive: host.connected,
        last_seen: host.last_seen,
    })
}

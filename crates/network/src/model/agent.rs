//! Agents: what Neutron's clients know a host's networking by. They follow from the hosts; what is stored is only what an
//! administrator said about one.

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
}

impl AgentKind {
    pub const EVERY: [Self; 2] = [Self::Controller, Self::Metadata];

    pub fn name(self) -> &'static str {
        match self {
            Self::Controller => "OVN Controller agent",
            Self::Metadata => "OVN Metadata agent",
        }
    }

    pub fn binary(self) -> &'static str {
        match self {
            Self::Controller => "ovn-controller",
            Self::Metadata => "neutron-ovn-metadata-agent",
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

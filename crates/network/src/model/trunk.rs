//! Trunks: one interface of a guest that carries several networks. The parent port is the interface; each subport is a port of
//! its own network whose packets come and go on that interface with a VLAN tag.
//!
//! The port itself says whether it is a trunk's end ([`TrunkEnd`]), so that two trunks cannot take one port at once, removing the
//! port sees it, and the port's logical object follows from the port alone.

use super::{Network, Port, Resource, Standard, TrunkId, standard::resource};
use kernel::PortId;
use serde::{Deserialize, Serialize};
use store::{IndexSink, Key, Object, Snapshot};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trunk {
    pub id: TrunkId,
    pub standard: Standard,
    pub name: String,
    /// A trunk that is down cannot be changed; its packets go on.
    pub admin_up: bool,
    pub port: PortId,
    /// In the order in which they were added.
    pub sub_ports: Vec<SubPort>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubPort {
    pub port: PortId,
    pub vlan: u16,
}

/// What a port is to a trunk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrunkEnd {
    Parent { trunk: TrunkId },
    Sub { trunk: TrunkId, parent: PortId, vlan: u16 },
}

impl TrunkEnd {
    pub fn trunk(&self) -> &TrunkId {
        match self {
            Self::Parent { trunk } | Self::Sub { trunk, .. } => trunk,
        }
    }
}

/// `device_owner` of a subport.
pub const SUBPORT_OWNER: &str = "trunk:subport";

resource!(Trunk, "trunk", TrunkNotFound);

impl Trunk {
    /// `ACTIVE` while a guest has the parent's interface.
    pub fn status(&self, snapshot: &Snapshot) -> &'static str {
        if snapshot.get::<Port>(&self.port).is_some_and(|p| p.plugged) { "ACTIVE" } else { "DOWN" }
    }
}

/// The VLAN of a port's network, which a subport may take over.
pub fn inherited(network: &Network) -> Option<u16> {
    let segment = network.segments.first().filter(|s| s.kind == super::segment::SegmentKind::Vlan)?;
    u16::try_from(segment.number?).ok()
}

impl Object for Trunk {
    const KIND: &'static str = "network.trunk";
    const INDEXES: &'static [&'static str] = &["project"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(<Self as Resource>::BY_PROJECT, &*self.standard.project);
    }
}

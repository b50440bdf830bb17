//! The messages. JSON, one object a line on the stream; unknown fields are ignored by both sides, so either may be newer.

use compute::{driver::HostCapabilities, model::vm::VmIntent};
use kernel::{HostName, ServerId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The first word of a host: who it is and what it has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    pub host: HostName,
    /// Grows with every start of the host's agent.
    pub incarnation: u64,
    pub availability_zone: String,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Where other hosts reach this one's exports.
    pub address: String,
    pub capabilities: HostCapabilities,
    pub pools: Vec<Pool>,
}

/// A volume pool of the host: `host@backend#pool` is its name in Cinder's terms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pool {
    pub backend: String,
    pub stats: volume::driver::PoolStats,
}

/// Member → host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Down {
    /// One of the host's intents, in the snapshot that every stream begins with or as a change.
    Intent {
        intent: Box<VmIntent>,
    },
    /// All intents of the snapshot have been sent.
    End {
        epoch: u64,
        revision: i64,
    },
    /// The server is not this host's any more; what is left of it at that generation or an older one goes.
    Gone {
        server: ServerId,
        generation: u64,
    },
    Call {
        id: u64,
        method: String,
        params: Value,
        within_ms: u64,
    },
    /// Nothing to say; the member is there.
    Ping,
}

/// Host → member: the answer to a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    pub id: u64,
    pub result: Result<Value, Refusal>,
}

/// An error that crosses the wire: its kind as an HTTP status, and the text for the client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refusal {
    pub status: u16,
    pub message: String,
}

impl From<kernel::Error> for Refusal {
    fn from(error: kernel::Error) -> Self {
        // A host's internal text is needed by whoever runs the cloud; it goes to the log there, not over the wire.
        Self { status: error.status(), message: error.message().to_owned() }
    }
}

impl From<Refusal> for kernel::Error {
    fn from(refusal: Refusal) -> Self {
        use kernel::Kind;
        let kind = match refusal.status {
            400 => Kind::BadRequest,
            403 => Kind::Forbidden,
            404 => Kind::NotFound,
            409 => Kind::Conflict,
            413 => Kind::TooLarge,
            501 => Kind::NotImplemented,
            503 => Kind::Unavailable,
            _ => return Self::internal("a call to a host").with_internal(refusal.message),
        };
        Self::of(kind, refusal.message)
    }
}

use kernel::{HostName, VolumeId};
use ports::IoLimits;
use serde::{Deserialize, Serialize};
use store::{Key, Object};

/// What the pool of an attached volume was told to hold its users to. There is one while it was told anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    pub volume: VolumeId,
    /// The pool that was told: a volume may move while it is in use.
    pub host: HostName,
    pub backend: String,
    pub limits: IoLimits,
    /// Why the pool does not.
    pub why: Option<String>,
    /// Grows with each time it was told.
    pub told: u64,
}

impl Object for Held {
    const KIND: &'static str = "volume.held";
    fn key(&self) -> Key {
        self.volume.as_str().into()
    }
}

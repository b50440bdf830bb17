//! What an operator has said of a service: `cinder-volume` of a host's back end, `cinder-scheduler`, `cinder-backup`.

use serde::{Deserialize, Serialize};
use store::{Key, Object};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceState {
    /// `binary/host`.
    pub id: String,
    pub disabled: bool,
    pub reason: Option<String>,
    /// Nothing is made or removed there.
    pub frozen: bool,
}

impl ServiceState {
    pub(crate) fn key_of(binary: &str, host: &str) -> String {
        format!("{binary}/{host}")
    }
}

impl Object for ServiceState {
    const KIND: &'static str = "volume.service";
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
}

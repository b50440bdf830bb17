use super::state::named;
use kernel::{HostName, ServerId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use store::{Key, Object};

named! {
    /// `type` of a remote console.
    ConsoleType {
        NoVnc = "novnc",
    }
}

/// The right to look at a server's screen for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsoleToken {
    pub token: String,
    pub server: ServerId,
    /// Who asked for it.
    pub user: UserId,
    pub host: HostName,
    pub kind: ConsoleType,
    pub expires: Timestamp,
}

impl Object for ConsoleToken {
    const KIND: &'static str = "compute.console_token";
    fn key(&self) -> Key {
        self.token.as_str().into()
    }
}

//! Logs: whose packets shall be written down as security groups let them pass or not.

use super::{LogId, Standard, standard::resource};
use kernel::{PortId, SecurityGroupId};
use serde::{Deserialize, Serialize};
use store::{Index, IndexSink, Key, Object};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum LogEvent {
    Accept,
    Drop,
    All,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    pub id: LogId,
    pub standard: Standard,
    pub name: String,
    /// `None`: all groups of the project.
    pub group: Option<SecurityGroupId>,
    /// `None`: all ports of the groups.
    pub port: Option<PortId>,
    pub event: LogEvent,
    pub enabled: bool,
}

resource!(Log, "log", LogResourceNotFound);

impl Log {
    /// By the group or the port that it is about.
    pub const BY_SUBJECT: Index<Log> = Index::new(1);
}

impl Object for Log {
    const KIND: &'static str = "network.log";
    const INDEXES: &'static [&'static str] = &["project", "subject"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(<Self as super::Resource>::BY_PROJECT, &*self.standard.project);
        if let Some(group) = &self.group {
            sink.add(Self::BY_SUBJECT, &**group);
        }
        if let Some(port) = &self.port {
            sink.add(Self::BY_SUBJECT, &**port);
        }
    }
}

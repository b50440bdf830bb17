//! Ill luck to order: which calls go wrong, how, and how often.

use kernel::{Error, Result, ServerId};
use std::time::Duration;

/// A method of the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Capabilities,
    List,
    Status,
    Start,
    Stop,
    Reboot,
    Pause,
    Resume,
    Destroy,
    AttachDisk,
    DetachDisk,
    AttachNic,
    DetachNic,
    CopyDisk,
    ResizeDisk,
    ConsoleLog,
    Vnc,
    Stats,
}

/// What goes wrong.
#[derive(Clone, Debug)]
pub enum Ill {
    /// The call fails and has done nothing.
    Fails(Error),
    /// The call does what it is for, and the caller learns only that nobody knows.
    LostAfter,
    /// The call does nothing, and the caller learns only that nobody knows.
    LostBefore,
    /// The call does what it is for, later.
    Late(Duration),
    /// The call never ends and does nothing.
    Hangs,
}

/// When something goes wrong.
#[derive(Clone, Debug)]
pub struct Rule {
    /// `None`: any call.
    pub call: Option<Call>,
    /// `None`: any server's.
    pub server: Option<ServerId>,
    pub ill: Ill,
    /// How often it applies; `None`: until [`clear_rules`](super::FakeHost::clear_rules).
    pub times: Option<u32>,
}

impl Rule {
    /// The next such call of any server, once.
    pub fn once(call: Call, ill: Ill) -> Self {
        Self { call: Some(call), server: None, ill, times: Some(1) }
    }

    /// Every such call.
    pub fn always(call: Call, ill: Ill) -> Self {
        Self { times: None, ..Self::once(call, ill) }
    }

    /// Only of this server.
    #[must_use]
    pub fn of(self, server: &ServerId) -> Self {
        Self { server: Some(server.clone()), ..self }
    }

    fn applies(&self, call: Call, server: Option<&ServerId>) -> bool {
        self.times != Some(0)
            && self.call.is_none_or(|c| c == call)
            && self.server.as_ref().is_none_or(|s| Some(s) == server)
    }
}

/// Takes the first rule that applies, and one off its count.
pub(crate) fn take(rules: &mut Vec<Rule>, call: Call, server: Option<&ServerId>) -> Option<Ill> {
    let rule = rules.iter_mut().find(|r| r.applies(call, server))?;
    if let Some(times) = &mut rule.times {
        *times -= 1;
    }
    let ill = rule.ill.clone();
    rules.retain(|r| r.times != Some(0));
    Some(ill)
}

pub(crate) fn unknown() -> Error {
    Error::unavailable("the hypervisor does not answer").with_internal("the fake was told to lose the outcome")
}

/// What is still to go wrong after a call has done its work.
#[must_use]
pub(crate) enum After {
    Nothing,
    Lost,
}

impl After {
    pub fn lose(self) -> Result<()> {
        match self {
            Self::Nothing => Ok(()),
            Self::Lost => Err(unknown()),
        }
    }
}

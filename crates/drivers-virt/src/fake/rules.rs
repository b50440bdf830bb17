//! What can be told to go wrong: see [`kernel::faults`].

use kernel::{Error, Result, ServerId, faults};

/// A method of the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Capabilities,
    Load,
    List,
    Status,
    Start,
    Stop,
    Reboot,
    Pause,
    Resume,
    Suspend,
    SetPassword,
    Freeze,
    Thaw,
    InjectNmi,
    Destroy,
    AttachDisk,
    DetachDisk,
    AttachNic,
    DetachNic,
    CopyDisk,
    ResizeDisk,
    LimitDisk,
    Reshape,
    Limits,
    ConsoleLog,
    Vnc,
    Stats,
    Receive,
    Landing,
    Land,
    Send,
    Hasten,
    CallOff,
    Progress,
    MirrorDisk,
    MoveDisk,
    KeepDisk,
}

pub type Rule = faults::Rule<Call, ServerId>;

pub(crate) fn unknown() -> Error {
    faults::unknown("the hypervisor")
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

//! Ill luck to order: which calls go wrong, how, and how often.

use kernel::{Error, VolumeId};
use std::time::Duration;

/// A method of the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Create,
    Delete,
    Extend,
    CreateSnapshot,
    DeleteSnapshot,
    Export,
    Unexport,
    CopyOut,
    Stats,
    Inventory,
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
    /// `None`: any volume's.
    pub volume: Option<VolumeId>,
    pub ill: Ill,
    /// How often it applies; `None`: until [`clear_rules`](super::FakeVolumes::clear_rules).
    pub times: Option<u32>,
}

impl Rule {
    /// The next such call of any volume, once.
    pub fn once(call: Call, ill: Ill) -> Self {
        Self { call: Some(call), volume: None, ill, times: Some(1) }
    }

    /// Every such call.
    pub fn always(call: Call, ill: Ill) -> Self {
        Self { times: None, ..Self::once(call, ill) }
    }

    /// Only of this volume.
    #[must_use]
    pub fn of(self, volume: &VolumeId) -> Self {
        Self { volume: Some(volume.clone()), ..self }
    }

    fn applies(&self, call: Call, volume: Option<&VolumeId>) -> bool {
        self.call.is_none_or(|c| c == call) && self.volume.as_ref().is_none_or(|v| Some(v) == volume)
    }
}

/// Takes the first rule that applies, and one off its count.
pub(super) fn take(rules: &mut Vec<Rule>, call: Call, volume: Option<&VolumeId>) -> Option<Ill> {
    let rule = rules.iter_mut().find(|r| r.applies(call, volume))?;
    if let Some(times) = &mut rule.times {
        *times = times.saturating_sub(1);
    }
    let ill = rule.ill.clone();
    rules.retain(|r| r.times != Some(0));
    Some(ill)
}

pub(super) fn unknown() -> Error {
    Error::unavailable("the pool does not answer").with_internal("the fake was told to lose the outcome")
}

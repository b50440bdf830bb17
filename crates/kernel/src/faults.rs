//! Ill luck to order, for the fake drivers: which calls go wrong, how, and how often.

use crate::Error;
use std::time::Duration;

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

/// When something goes wrong: a driver's `Call` on what `Id` names.
#[derive(Clone, Debug)]
pub struct Rule<Call, Id> {
    /// `None`: any call.
    pub call: Option<Call>,
    /// `None`: on anything.
    pub on: Option<Id>,
    pub ill: Ill,
    /// How often it applies; `None`: until the driver is told to forget it.
    pub times: Option<u32>,
}

impl<Call: Copy + PartialEq, Id: Clone + PartialEq> Rule<Call, Id> {
    /// The next such call on anything, once.
    pub fn once(call: Call, ill: Ill) -> Self {
        Self { call: Some(call), on: None, ill, times: Some(1) }
    }

    /// Every such call.
    pub fn always(call: Call, ill: Ill) -> Self {
        Self { times: None, ..Self::once(call, ill) }
    }

    /// Only on this.
    #[must_use]
    pub fn of(self, id: &Id) -> Self {
        Self { on: Some(id.clone()), ..self }
    }

    fn applies(&self, call: Call, id: Option<&Id>) -> bool {
        self.times != Some(0) && self.call.is_none_or(|c| c == call) && self.on.as_ref().is_none_or(|o| Some(o) == id)
    }

    /// Takes the first rule that applies, and one off its count.
    pub fn take(rules: &mut Vec<Self>, call: Call, id: Option<&Id>) -> Option<Ill> {
        let rule = rules.iter_mut().find(|r| r.applies(call, id))?;
        if let Some(times) = &mut rule.times {
            *times -= 1;
        }
        let ill = rule.ill.clone();
        rules.retain(|r| r.times != Some(0));
        Some(ill)
    }
}

/// The answer when nobody knows whether `who` has done what it was asked.
pub fn unknown(who: &str) -> Error {
    Error::unavailable(format!("{who} does not answer")).with_internal("the fake was told to lose the outcome")
}

use super::{
    Target,
    change::{Change, Failing, Restart, allowed, begin},
};
use crate::{
    Compute,
    model::{ServerState, Task, action::Verb, vm::Power},
};
use kernel::{Ctx, Result};
use store::Tx;

/// What can be done to a guest's power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PowerVerb {
    Start,
    Stop,
    RebootSoft,
    RebootHard,
    Pause,
    Unpause,
    Suspend,
    Resume,
}

impl PowerVerb {
    /// Nova's tables of `check_instance_state`.
    fn change(self) -> (Change, Power) {
        use ServerState as S;
        let (restart, failing) = (Restart::No, Failing::Back);
        let plain = |name, states, verb, task, reach| Change { name, states, verb, task, reach, restart, failing };
        let reboot = |states, task, restart| Change {
            restart,
            failing: Failing::Error,
            ..plain("reboot", states, Verb::Reboot, task, S::Active)
        };
        match self {
            Self::Start => (plain("start", &[S::Stopped], Verb::Start, Task::PoweringOn, S::Active), Power::Running),
            Self::Stop => {
                (plain("stop", &[S::Active, S::Error], Verb::Stop, Task::PoweringOff, S::Stopped), Power::Stopped)
            }
            Self::Pause => (plain("pause", &[S::Active], Verb::Pause, Task::Pausing, S::Paused), Power::Paused),
            Self::Unpause => {
                (plain("unpause", &[S::Paused], Verb::Unpause, Task::Unpausing, S::Active), Power::Running)
            }
            Self::Suspend => {
                (plain("suspend", &[S::Active], Verb::Suspend, Task::Suspending, S::Suspended), Power::Suspended)
            }
            Self::Resume => (plain("resume", &[S::Suspended], Verb::Resume, Task::Resuming, S::Active), Power::Running),
            Self::RebootSoft => (reboot(&[S::Active], Task::Rebooting, Restart::Soft), Power::Running),
            Self::RebootHard => {
                const STATES: &[S] = &[S::Active, S::Stopped, S::Paused, S::Suspended, S::Error];
                (reboot(STATES, Task::RebootingHard, Restart::Hard), Power::Running)
            }
        }
    }
}

/// Changes a guest's power: the intent is written, and a flow waits until it is so.
pub(crate) async fn change_power(c: &Compute, cx: &Ctx, server: &Target, verb: PowerVerb) -> Result<()> {
    let (store, c, cx, server) = (c.store.clone(), c.clone(), cx.clone(), server.server());
    let begin = move |tx: &mut Tx| {
        let (change, power) = verb.change();
        let server = allowed(&cx, tx, &server, &change)?;
        begin(&c, &cx, tx, &server, &change, |intent| intent.power = power)
    };
    store.transact("compute.server.power", begin).await
}

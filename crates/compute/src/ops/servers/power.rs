use super::{find_in, in_state, on_host, permitted, unlocked};
use crate::{
    Compute,
    flows::{
        guest::change_intent,
        power::{ChangePower, State},
    },
    model::{
        Server, ServerState, Task,
        action::{Action, Verb},
        vm::{Power, VmIntent},
    },
    policy::{PAUSE, REBOOT, START, STOP, UNPAUSE},
};
use flow::Start;
use kernel::{Ctx, Result};
use policy::Rule;
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
}

/// One verb: who may, in which states, and what it makes of server and guest.
struct Rules {
    rule: &'static Rule,
    /// The name in refusals.
    name: &'static str,
    states: &'static [ServerState],
    verb: Verb,
    task: Task,
    wanted: Power,
    vital: bool,
}

impl PowerVerb {
    /// Nova's tables of `check_instance_state`.
    fn rules(self) -> Rules {
        use ServerState as S;
        let plain =
            |rule, name, states, verb, task, wanted| Rules { rule, name, states, verb, task, wanted, vital: false };
        match self {
            Self::Start => plain(&START, "start", &[S::Stopped], Verb::Start, Task::PoweringOn, Power::Running),
            Self::Stop => plain(&STOP, "stop", &[S::Active, S::Error], Verb::Stop, Task::PoweringOff, Power::Stopped),
            Self::Pause => plain(&PAUSE, "pause", &[S::Active], Verb::Pause, Task::Pausing, Power::Paused),
            Self::Unpause => plain(&UNPAUSE, "unpause", &[S::Paused], Verb::Unpause, Task::Unpausing, Power::Running),
            Self::RebootSoft => Rules {
                vital: true,
                ..plain(&REBOOT, "reboot", &[S::Active], Verb::Reboot, Task::Rebooting, Power::Running)
            },
            Self::RebootHard => {
                const STATES: &[S] = &[S::Active, S::Stopped, S::Paused, S::Suspended, S::Error];
                Rules {
                    vital: true,
                    ..plain(&REBOOT, "reboot", STATES, Verb::Reboot, Task::RebootingHard, Power::Running)
                }
            }
        }
    }

    fn reboots(self) -> bool {
        matches!(self, Self::RebootSoft | Self::RebootHard)
    }
}

/// Writes what the guest shall be, and starts the flow that waits until it is.
pub(crate) async fn change_power(c: &Compute, cx: &Ctx, id: &str, verb: PowerVerb) -> Result<()> {
    let (server, _permit) = permitted(cx, &c.store.read().await?, id, verb.rules().rule)?;
    let (c, cx) = (c.clone(), cx.clone());
    c.store.clone().transact("compute.server.power", move |tx| begin(&c, &cx, tx, &server, verb)).await
}

fn begin(c: &Compute, cx: &Ctx, tx: &mut Tx, server: &Server, verb: PowerVerb) -> Result<()> {
    let rules = verb.rules();
    let server = find_in(cx, tx, &server.id)?;
    unlocked(cx, &server)?;
    on_host(&server)?;
    in_state(&server, rules.name, rules.states)?;
    let not_ready = || crate::ComputeError::NotReady(server.id.clone());
    let before =
        tx.get::<VmIntent>(&server.id).map(|i| i.power).filter(|p| *p != Power::Absent).ok_or_else(not_ready)?;
    let reboots = server.reboots + u64::from(verb.reboots());
    let generation = change_intent(tx, &server.id, |intent| {
        (intent.power, intent.reboots) = (rules.wanted, reboots);
        intent.reboot_hard = verb == PowerVerb::RebootHard;
    });
    let (now, generation) = (cx.now(), generation.ok_or_else(not_ready)?);
    tx.update::<Server>(&server.id, |s| {
        (s.task, s.reboots, s.updated) = (Some(rules.task), reboots, now);
    });
    let action = Action::asked(cx, &server.id, &server.project, rules.verb);
    action.begin(tx)?;
    let (id, wanted, vital) = (server.id.clone(), rules.wanted, rules.vital);
    let state = State { server: id, action, generation, reboots, wanted, before, vital };
    let object = Server::flow_object(&server.id);
    c.starter.start(tx, Start::<ChangePower> { object, state, request_id: &cx.request_id, now }).map(|_| ())
}

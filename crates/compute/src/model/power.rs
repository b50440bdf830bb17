//! What a host saw of a guest, told to the server: a pure function, asked by whoever learns something new.

use super::{
    server::Server,
    state::{PowerState, ServerState},
    vm::{Power, VmIntent, VmObserved},
};
use crate::driver::VmState;

/// What an observation that nobody asked for changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    pub state: ServerState,
    pub power: PowerState,
    /// The guest is off by its own will: so that nothing starts it again, the intent follows it.
    pub intent: Option<Power>,
}

/// `None` if there is nothing to change.
///
/// A server with a task belongs to a flow, which asks again when it ends. An observation of an older generation tells how
/// things were before what is wanted now. A server in ERROR stays there, with its true power state.
pub fn settle(server: &Server, intent: &VmIntent, seen: &VmObserved) -> Option<Settled> {
    let news = server.task.is_none() && seen.generation >= intent.generation && seen.host == intent.host;
    if !news || intent.power == Power::Absent {
        return None;
    }
    let power = PowerState::from(seen.state);
    let is_off = matches!(seen.state, VmState::Shutdown | VmState::Crashed | VmState::Absent);
    let wants_on = matches!(intent.power, Power::Running | Power::Paused);
    let settled = match server.state {
        ServerState::Active | ServerState::Paused if is_off && wants_on && seen.error.is_none() => {
            Settled { state: ServerState::Stopped, power, intent: Some(Power::Stopped) }
        }
        // Still to be confirmed or reverted; then it stays off.
        ServerState::Resized if is_off && wants_on && seen.error.is_none() => {
            Settled { state: ServerState::Resized, power, intent: Some(Power::Stopped) }
        }
        state => Settled { state, power, intent: None },
    };
    let changes = settled.state != server.state || settled.power != server.power || settled.intent.is_some();
    changes.then_some(settled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::{intent, observed, server};

    #[track_caller]
    fn check(state: ServerState, wanted: Power, seen: VmState, expect: Option<(ServerState, u8, Option<Power>)>) {
        let mut server = server("s");
        (server.state, server.power) = (state, PowerState::Running);
        let intent = VmIntent { power: wanted, ..intent("s", "h", 3) };
        let settled = settle(&server, &intent, &observed("s", "h", 3, seen));
        assert_eq!(settled.map(|s| (s.state, s.power.number(), s.intent)), expect, "{state} {wanted:?} {seen:?}");
    }

    #[test]
    fn the_server_follows_its_guest() {
        use {Power::*, ServerState as S, VmState as V};
        check(S::Active, Running, V::Running, None);
        check(S::Active, Running, V::Shutdown, Some((S::Stopped, 4, Some(Stopped))));
        check(S::Active, Running, V::Crashed, Some((S::Stopped, 6, Some(Stopped))));
        check(S::Active, Running, V::Absent, Some((S::Stopped, 0, Some(Stopped))));
        check(S::Active, Running, V::Paused, Some((S::Active, 3, None)));
        check(S::Paused, Paused, V::Shutdown, Some((S::Stopped, 4, Some(Stopped))));
        check(S::Resized, Running, V::Shutdown, Some((S::Resized, 4, Some(Stopped))));
        check(S::Stopped, Stopped, V::Shutdown, Some((S::Stopped, 4, None)));
        check(S::Stopped, Stopped, V::Running, None);
        check(S::Error, Running, V::Shutdown, Some((S::Error, 4, None)));
        check(S::Active, Absent, V::Shutdown, None);
    }

    #[test]
    fn old_news_and_owned_servers_are_left_alone() {
        let (mut server, intent) = (server("s"), intent("s", "h", 3));
        let off = observed("s", "h", 3, VmState::Shutdown);
        assert!(settle(&server, &intent, &off).is_some());
        assert_eq!(settle(&server, &intent, &observed("s", "h", 2, VmState::Shutdown)), None);
        assert_eq!(settle(&server, &intent, &observed("s", "elsewhere", 3, VmState::Shutdown)), None);
        server.task = Some(crate::model::Task::Rebooting);
        assert_eq!(settle(&server, &intent, &off), None);
    }
}

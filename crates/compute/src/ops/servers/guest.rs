//! What is asked of a guest at once, and is no state of it.

use super::{Target, find_in, in_state, on_host, unlocked};
use crate::{
    Compute, ComputeError,
    flows::guest::change_intent,
    model::{
        Server, ServerState,
        action::{Action, Verb},
        hardware,
    },
};
use kernel::{Ctx, Error, Kind, Result};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// Longer than a guest's agent may take.
const WITHIN: Duration = Duration::from_secs(30);

/// Has the guest's agent set its administrator's password.
pub(crate) async fn change_password(c: &Compute, cx: &Ctx, server: &Target, password: &str) -> Result<()> {
    let property = |name: &str| server.properties.get(name).map(String::as_str);
    let user = match (property("os_admin_user"), property("os_type")) {
        (Some(user), _) => user,
        (None, Some("windows")) => "Administrator",
        (None, _) => "root",
    };
    let params = json!({"server": server.id, "user": user, "password": password});
    let call = Call { name: "changePassword", verb: Verb::ChangePassword, states: &[ServerState::Active] };
    let done = call.carry_out(c, cx, server, "vm.set_password", params).await;
    done.map_err(|e| match e.kind() {
        Kind::Conflict if e.code().is_none() => {
            let text = format!("Failed to set admin password on {} because {}", server.id, e.message());
            Error::conflict(text).with_source(e)
        }
        _ => e,
    })
}

/// Interrupts the guest so that its kernel dumps its memory, if it is made to.
pub(crate) async fn trigger_crash_dump(c: &Compute, cx: &Ctx, server: &Target) -> Result<()> {
    use ServerState as S;
    const STATES: &[S] = &[S::Active, S::Paused, S::Rescued, S::Resized, S::Error];
    let call = Call { name: "trigger_crash_dump", verb: Verb::TriggerCrashDump, states: STATES };
    call.carry_out(c, cx, server, "vm.inject_nmi", json!({"server": server.id})).await
}

/// Tells the host of the server's ports as they are now.
pub(crate) async fn inject_network_info(c: &Compute, cx: &Ctx, server: &Target) -> Result<()> {
    let (service, cx, server) = (c.clone(), cx.clone(), server.server());
    let told = c.store.transact("compute.server.inject_network_info", move |tx| {
        let server = find_in(&cx, tx, &server.id)?;
        unlocked(&cx, &server)?;
        on_host(&server)?;
        let bound = service.ports.bound(tx.view(), &server.id);
        let ports = bound.into_iter().filter_map(|b| hardware::port(&server, b)).collect();
        change_intent(tx, &server.id, |intent| intent.ports = ports);
        let action = Action::asked(&cx, &server.id, &server.project, Verb::InjectNetworkInfo);
        action.finish(tx, server.host.as_ref(), None, cx.now())
    });
    told.await
}

/// A call to the server's host, entered among the server's actions.
struct Call {
    name: &'static str,
    verb: Verb,
    states: &'static [ServerState],
}

impl Call {
    async fn carry_out(&self, c: &Compute, cx: &Ctx, server: &Target, method: &str, params: Value) -> Result<()> {
        unlocked(cx, server)?;
        in_state(server, self.name, self.states)?;
        let host = server.host.clone().ok_or_else(|| ComputeError::NotReady(server.id.clone()))?;
        let done = c.hosts.call(&host, method, params, WITHIN).await.map(drop);
        let (found, error): (Arc<Server>, _) = (server.server(), done.as_ref().err().map(|e| e.message().to_owned()));
        let action = Action::asked(cx, &found.id, &found.project, self.verb);
        let entered = c
            .store
            .transact("compute.server.call", move |tx| action.finish(tx, Some(&host), error.as_deref(), action.start));
        entered.await?;
        done.map_err(|e| match e.kind() {
            Kind::Unavailable => {
                Error::conflict("the server's host cannot be reached now").with_code("host_unreachable").with_source(e)
            }
            _ => e,
        })
    }
}

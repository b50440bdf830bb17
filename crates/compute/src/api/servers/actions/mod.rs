//! `POST /servers/{id}/action`: the body's one key names the action, a variant of [`ServerAction`] each.
//!
//! A request's way: the action by its name, the versions that have it, the body by its schema, the server by its id, the rule;
//! then the action's own handler, which has the server and the right to act on it in hand.

mod console;
mod guest;
mod images;
mod live;
mod moves;
mod network;
mod power;
mod schema;
mod state;

use super::{at, view};
use crate::{
    Compute,
    api::{checked, proxies::Call, served},
    error::invalid,
    ops::servers::{self, Target},
    policy,
};
use axum::{http::HeaderMap, response::Response};
use futures_util::future::BoxFuture;
use http::{ApiResult, ApiRouter, BaseUrl, Cx, JsonBody, Path, Schema, State};
use kernel::{Ctx, Microversion, Result};
use serde_json::Value;

const PATH: &str = "/v2.1/servers/{server_id}/action";
/// The last version of what no version has removed.
const LATEST: u16 = u16::MAX;

/// What a handler is given.
pub(super) struct Asked {
    c: Compute,
    cx: Ctx,
    base: BaseUrl,
    server: Target,
    token: String,
    /// What stands below the action's name.
    body: Value,
}

/// All that is known of an action.
struct Row {
    name: &'static str,
    since: u16,
    until: u16,
    rule: &'static ::policy::Rule,
    schema: &'static [(Microversion, &'static Schema)],
    run: fn(Asked) -> BoxFuture<'static, Result<Response>>,
}

macro_rules! actions {
    ($($variant:ident = $name:literal, $since:literal..=$until:expr, $rule:ident, $schema:ident, $run:path;)+) => {
        /// Everything a server can be told to do.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        enum ServerAction {
            $($variant),+
        }

        impl ServerAction {
            const ALL: &'static [Self] = &[$(Self::$variant),+];

            fn row(self) -> Row {
                match self {
                    $(Self::$variant => Row {
                        name: $name,
                        since: $since,
                        until: $until,
                        rule: &policy::$rule,
                        schema: schema::$schema,
                        run: |asked| Box::pin($run(asked)),
                    }),+
                }
            }
        }
    };
}

actions! {
    Start = "os-start", 1..=LATEST, START, START, power::start;
    Stop = "os-stop", 1..=LATEST, STOP, STOP, power::stop;
    Reboot = "reboot", 1..=LATEST, REBOOT, REBOOT, power::reboot;
    Pause = "pause", 1..=LATEST, PAUSE, PAUSE, power::pause;
    Unpause = "unpause", 1..=LATEST, UNPAUSE, UNPAUSE, power::unpause;
    Suspend = "suspend", 1..=LATEST, SUSPEND, SUSPEND, power::suspend;
    Resume = "resume", 1..=LATEST, RESUME, RESUME, power::resume;
    Rebuild = "rebuild", 1..=LATEST, REBUILD, REBUILD, guest::rebuild;
    Rescue = "rescue", 1..=LATEST, RESCUE, RESCUE, guest::rescue;
    Unrescue = "unrescue", 1..=LATEST, UNRESCUE, UNRESCUE, guest::unrescue;
    ChangePassword = "changePassword", 1..=LATEST, ADMIN_PASSWORD, CHANGE_PASSWORD, guest::change_password;
    TriggerCrashDump = "trigger_crash_dump", 17..=LATEST, TRIGGER_CRASH_DUMP, TRIGGER_CRASH_DUMP, guest::crash_dump;
    MigrateLive = "os-migrateLive", 1..=LATEST, MIGRATE_LIVE, MIGRATE_LIVE, live::migrate_live;
    CreateImage = "createImage", 1..=LATEST, CREATE_IMAGE, CREATE_IMAGE, images::create_image;
    CreateBackup = "createBackup", 1..=LATEST, CREATE_BACKUP, CREATE_BACKUP, images::create_backup;
    Resize = "resize", 1..=LATEST, RESIZE, RESIZE, moves::resize;
    ConfirmResize = "confirmResize", 1..=LATEST, CONFIRM_RESIZE, CONFIRM_RESIZE, moves::confirm_resize;
    RevertResize = "revertResize", 1..=LATEST, REVERT_RESIZE, REVERT_RESIZE, moves::revert_resize;
    Migrate = "migrate", 1..=LATEST, MIGRATE, MIGRATE, moves::migrate;
    Evacuate = "evacuate", 1..=LATEST, EVACUATE, EVACUATE, moves::evacuate;
    Shelve = "shelve", 1..=LATEST, SHELVE, SHELVE, moves::shelve;
    ShelveOffload = "shelveOffload", 1..=LATEST, SHELVE_OFFLOAD, SHELVE_OFFLOAD, moves::shelve_offload;
    Unshelve = "unshelve", 1..=LATEST, UNSHELVE, UNSHELVE, moves::unshelve;
    Lock = "lock", 1..=LATEST, LOCK, LOCK, state::lock;
    Unlock = "unlock", 1..=LATEST, UNLOCK, UNLOCK, state::unlock;
    ResetState = "os-resetState", 1..=LATEST, RESET_STATE, RESET_STATE, state::reset_state;
    InjectNetworkInfo = "injectNetworkInfo", 1..=LATEST, INJECT_NETWORK_INFO, INJECT_NETWORK_INFO, state::inject_network_info;
    ForceDelete = "forceDelete", 1..=LATEST, FORCE_DELETE, FORCE_DELETE, state::force_delete;
    Restore = "restore", 1..=LATEST, RESTORE, RESTORE, state::restore;
    AddSecurityGroup = "addSecurityGroup", 1..=LATEST, GROUP_ADD, ADD_GROUP, state::add_group;
    RemoveSecurityGroup = "removeSecurityGroup", 1..=LATEST, GROUP_REMOVE, REMOVE_GROUP, state::remove_group;
    AddFloatingIp = "addFloatingIp", 1..=43, FLOATING_IPS_ADD, ADD_FLOATING_IP, network::add_floating_ip;
    RemoveFloatingIp = "removeFloatingIp", 1..=43, FLOATING_IPS_REMOVE, REMOVE_FLOATING_IP, network::remove_floating_ip;
    AddFixedIp = "addFixedIp", 1..=43, MULTINIC_ADD, ADD_FIXED_IP, network::add_fixed_ip;
    RemoveFixedIp = "removeFixedIp", 1..=43, MULTINIC_REMOVE, REMOVE_FIXED_IP, network::remove_fixed_ip;
    ConsoleOutput = "os-getConsoleOutput", 1..=LATEST, CONSOLE_OUTPUT, CONSOLE_OUTPUT, console::output;
    VncConsole = "os-getVNCConsole", 1..=5, REMOTE_CONSOLES, VNC_CONSOLE, console::remote;
    SpiceConsole = "os-getSPICEConsole", 1..=5, REMOTE_CONSOLES, SPICE_CONSOLE, console::remote;
    SerialConsole = "os-getSerialConsole", 1..=5, REMOTE_CONSOLES, SERIAL_CONSOLE, console::remote;
}

/// Actions that have left Nova, and the last version that knew them.
const GONE: &[(&str, u16)] = &[("os-getRDPConsole", 5), ("resetNetwork", LATEST)];

pub(super) fn routes() -> ApiRouter<Compute> {
    let names = ServerAction::ALL.iter().map(|action| action.row().name).chain(GONE.iter().map(|(name, _)| *name));
    names.fold(ApiRouter::new().post(PATH, act), |routes, name| routes.action(PATH, name))
}

pub(in crate::api) async fn act(
    State(c): State<Compute>,
    Cx(cx): Cx,
    Path(id): Path<String>,
    base: BaseUrl,
    headers: HeaderMap,
    body: JsonBody,
) -> ApiResult {
    left(&cx, &body.0)?;
    let row = named(&body.0)?;
    served(&cx, cx.version.since(2, row.since) && cx.version.until(2, row.until))?;
    let mut body: Value = checked(&cx, body, row.schema)?;
    let server = servers::target(&cx, &c.store.read().await?, &id, row.rule)?;
    let (token, body) = (Call::token_of(&headers), body[row.name].take());
    Ok((row.run)(Asked { c, cx, base, server, token, body }).await?)
}

/// Refuses an action that is gone.
fn left(cx: &Ctx, body: &Value) -> Result<()> {
    let asked = |name: &str| body.as_object().is_some_and(|o| o.len() == 1 && o.contains_key(name));
    match GONE.iter().find(|(name, _)| asked(name)) {
        Some((_, until)) => served(cx, cx.version.until(2, *until)).and(Err(crate::api::gone::refusal())),
        None => Ok(()),
    }
}

fn named(body: &Value) -> Result<Row> {
    let keys: Vec<&String> = body.as_object().map(|o| o.keys().collect()).unwrap_or_default();
    let [name] = keys.as_slice() else { return Err(invalid("There is no such action.")) };
    let mut rows = ServerAction::ALL.iter().map(|action| action.row());
    rows.find(|row| row.name == *name).ok_or_else(|| invalid(format!("There is no such action: {name}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_can_be_told_from_the_others_and_has_a_schema_in_all_its_versions() {
        let mut names: Vec<_> = ServerAction::ALL.iter().map(|action| action.row().name).collect();
        for action in ServerAction::ALL {
            let row = action.row();
            for minor in [row.since, row.until.min(crate::api::versions::MAX.minor)] {
                assert!(http::pick(row.schema, Microversion::new(2, minor)).is_some(), "{} in 2.{minor}", row.name);
            }
        }
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}

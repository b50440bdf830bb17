//! `/os-baremetal-nodes`, until 2.35: what Nova passed on to Ironic, and what it told people to ask Ironic for themselves. There is
//! no bare metal service in this cloud.

use super::until;
use crate::{
    Compute,
    error::invalid,
    policy::{BAREMETAL_LIST, BAREMETAL_SHOW},
};
use http::{ApiResult, ApiRouter, Cx, JsonBody};
use kernel::{Ctx, Error, Result};
use policy::{Authorize, Rule};

pub(super) fn routes() -> ApiRouter<Compute> {
    const ALL: &str = "/v2.1/os-baremetal-nodes";
    const ONE: &str = "/v2.1/os-baremetal-nodes/{node_id}";
    const ACTION: &str = "/v2.1/os-baremetal-nodes/{node_id}/action";
    ApiRouter::new()
        .get(ALL, |Cx(cx): Cx| async move { refused(unserved(&cx, &BAREMETAL_LIST)) })
        .get(ONE, |Cx(cx): Cx| async move { refused(unserved(&cx, &BAREMETAL_SHOW)) })
        .post(ALL, |Cx(cx): Cx| async move { refused(elsewhere(&cx, "node-create")) })
        .delete(ONE, |Cx(cx): Cx| async move { refused(elsewhere(&cx, "node-delete")) })
        .post(ACTION, act)
        .action(ACTION, "add_interface")
        .action(ACTION, "remove_interface")
}

fn refused(why: Error) -> ApiResult {
    Err(why.into())
}

/// Why a list or a node cannot be shown.
fn unserved(cx: &Ctx, rule: &'static Rule) -> Error {
    let may = until(cx, 35).and_then(|()| cx.authorize(rule, &()).map(drop));
    may.err().unwrap_or_else(|| Error::not_implemented("There is no bare metal service in this cloud."))
}

/// What was never passed on.
fn elsewhere(cx: &Ctx, command: &str) -> Error {
    let text = || format!("Command not supported. Please use Ironic command {command} to perform this action.");
    until(cx, 35).err().unwrap_or_else(|| invalid(text()))
}

async fn act(Cx(cx): Cx, body: JsonBody) -> ApiResult {
    let names = body.0.as_object().map(|o| o.keys().map(String::as_str).collect::<Vec<_>>()).unwrap_or_default();
    let command = |name: &str| match name {
        "add_interface" => Ok("port-create"),
        "remove_interface" => Ok("port-delete"),
        other => Err(invalid(format!("There is no such action: {other}"))),
    };
    let command: Result<&str> = command(names.first().copied().unwrap_or_default());
    Err(elsewhere(&cx, command?).into())
}

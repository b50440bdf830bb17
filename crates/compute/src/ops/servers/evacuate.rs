//! A server whose host is gone begins anew on another.

use super::{
    Target,
    create::build,
    find_in, in_state, on_host,
    resize::{Wanted, enter, is_up},
};
use crate::{
    Compute, ComputeError,
    error::invalid,
    model::{ComputeHost, ServerState, migration::MigrationKind, vm::Power, vtpm},
    ops::is_true,
};
use kernel::{Ctx, Error, HostName, Result, ids::uuid_dashed};
use serde::Deserialize;
use serde_json::Value;

/// The body of `evacuate`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Evacuate {
    host: Option<String>,
    #[serde(rename = "onSharedStorage", default)]
    shared: Value,
    #[serde(rename = "adminPass")]
    admin_pass: Option<String>,
    #[serde(default)]
    force: Value,
}

/// The password that the server gets. Disks are never shared between hosts here, whatever `onSharedStorage` says.
pub(crate) async fn evacuate(c: &Compute, cx: &Ctx, server: &Target, asked: Evacuate) -> Result<String> {
    if is_true(&asked.shared) && asked.admin_pass.is_some() {
        return Err(invalid("admin password can't be changed on existing disk"));
    }
    if is_true(&asked.force) && asked.host.is_none() {
        return Err(invalid("Can't force to a non-provided destination"));
    }
    let only = asked.host.as_deref().map(HostName::from);
    if let Some(host) = &only {
        let known = c.store.read().await?.contains::<ComputeHost>(host);
        known.then_some(()).ok_or_else(|| Error::not_found(format!("Compute host {host} not found.")))?;
    }
    if server.host.is_some() && server.host == only {
        return Err(invalid("The target host can't be the same one."));
    }
    let admin_pass = asked.admin_pass.unwrap_or_else(build::password);
    let (service, cx, found, id) = (c.clone(), cx.clone(), server.server(), uuid_dashed().to_string());
    let wanted = Wanted {
        kind: MigrationKind::Evacuation,
        flavor: None,
        disk_config: None,
        only,
        // From 2.95 on nothing runs there before its operator says so.
        after: cx.version.since(2, 95).then_some(Power::Stopped),
        admin_pass: Some(admin_pass.clone()),
        asked: None,
    };
    let begun = c.store.transact("compute.server.evacuate", move |tx| {
        use ServerState as S;
        let server = find_in(&cx, tx, &found.id)?;
        vtpm::refuse(&server, "evacuate")?;
        in_state(&server, "evacuate", &[S::Active, S::Stopped, S::Error])?;
        on_host(&server)?;
        if let Some(host) = server.host.as_ref().filter(|host| is_up(&service, tx.view(), host)) {
            return Err(ComputeError::Invalid(format!("Compute service of {host} is still in use.")).into());
        }
        enter(&service, &cx, tx, &server, &wanted, &id)
    });
    begun.await?;
    Ok(admin_pass)
}

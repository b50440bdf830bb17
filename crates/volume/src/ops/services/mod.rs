//! Services as Cinder has them: a `cinder-volume` per host and back end, `cinder-backup` on each such host, one `cinder-scheduler`.
//!
//! Whether one is up follows from its host's agent; whether it is enabled is what an operator said. A disabled back end gets no new
//! volumes; a frozen one neither makes nor removes anything.

use crate::{
    VolumeService,
    model::{ServiceState, VolumePool},
    policy,
    service::authorize_own,
};
use ::policy::Rule;
use kernel::{Ctx, Error, HostName, Result, Timestamp};
use std::collections::BTreeSet;
use store::{Snapshot as View, Tx};

pub(crate) const SCHEDULER: &str = "tstack";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServiceRow {
    pub(crate) binary: &'static str,
    /// `host@backend` for `cinder-volume`.
    pub(crate) host: String,
    pub(crate) zone: String,
    pub(crate) up: bool,
    pub(crate) at: Timestamp,
    pub(crate) state: ServiceState,
}

pub(crate) fn all(service: &VolumeService, view: &View, now: Timestamp) -> Vec<ServiceRow> {
    let seen = service.0.hosts.hosts();
    let heard = |name: &HostName| {
        let host = seen.iter().find(|h| h.host == *name);
        (host.is_some_and(|h| h.connected), host.map_or(now, |h| h.last_seen))
    };
    let row = |binary: &'static str, host: String, zone: &str, (up, at): (bool, Timestamp)| {
        let state = state(view, binary, &host);
        ServiceRow { binary, host, zone: zone.to_owned(), up, at, state }
    };
    let mut rows = vec![row("cinder-scheduler", SCHEDULER.to_owned(), "nova", (true, now))];
    let mut hosts = BTreeSet::new();
    for pool in view.all::<VolumePool>() {
        let name = format!("{}@{}", pool.host, pool.backend);
        rows.push(row("cinder-volume", name, &pool.availability_zone, heard(&pool.host)));
        if hosts.insert(pool.host.clone()) {
            rows.push(row("cinder-backup", pool.host.to_string(), &pool.availability_zone, heard(&pool.host)));
        }
    }
    rows.dedup_by(|a, b| (a.binary, &a.host) == (b.binary, &b.host));
    rows
}

pub(crate) fn state(view: &View, binary: &str, host: &str) -> ServiceState {
    let id = ServiceState::key_of(binary, host);
    view.get::<ServiceState>(&id).map_or(ServiceState { id, ..ServiceState::default() }, |s| ServiceState::clone(&s))
}

/// Why nothing new goes to a pool, if an operator said so.
pub(crate) fn closed(view: &View, pool: &VolumePool) -> Option<&'static str> {
    let state = state(view, "cinder-volume", &format!("{}@{}", pool.host, pool.backend));
    match (state.disabled, state.frozen) {
        (true, _) => Some("its service is disabled"),
        (_, true) => Some("its back end is frozen"),
        _ => None,
    }
}

pub(crate) fn list(service: &VolumeService, cx: &Ctx, rule: &'static Rule) -> Result<Vec<ServiceRow>> {
    let _read = authorize_own(cx, rule)?;
    Ok(all(service, &service.view(), cx.now()))
}

/// Changes what is said of the services that `wanted` chooses; none is not found.
pub(crate) async fn set(
    service: &VolumeService,
    cx: &Ctx,
    rule: &'static Rule,
    wanted: impl Fn(&ServiceRow) -> bool,
    absent: Error,
    mut edit: impl FnMut(&mut ServiceState) + Send + 'static,
) -> Result<Vec<ServiceRow>> {
    let permit = authorize_own(cx, rule)?;
    let rows: Vec<_> = all(service, &service.view(), cx.now()).into_iter().filter(wanted).collect();
    if rows.is_empty() {
        return Err(absent);
    }
    let ids: Vec<_> = rows.iter().map(|r| r.state.id.clone()).collect();
    let write = move |tx: &mut Tx| {
        for id in &ids {
            let found = tx.get::<ServiceState>(id);
            let mut state = found
                .map_or_else(|| ServiceState { id: id.clone(), ..Default::default() }, |s| ServiceState::clone(&s));
            edit(&mut state);
            tx.put(state);
        }
        Ok(())
    };
    service.write(permit, "volume.service.update", write).await?;
    Ok(rows)
}

/// What Cinder calls the rule under which a back end is made to do something.
pub(crate) fn rule_of(action: &str) -> &'static Rule {
    match action {
        "freeze" => &policy::FREEZE,
        "thaw" => &policy::THAW,
        "failover_host" => &policy::FAILOVER,
        _ => &policy::SERVICES_UPDATE,
    }
}

//! Hypervisors: hosts as what they have and what is used of it.

use crate::error::invalid;
use crate::{
    Compute, ComputeError,
    model::{ComputeHost, Server},
    ops::servers::MAX_LIMIT,
    policy::{
        HYPERVISORS_DETAIL, HYPERVISORS_LIST, HYPERVISORS_SEARCH, HYPERVISORS_SERVERS, HYPERVISORS_SHOW,
        HYPERVISORS_STATISTICS, HYPERVISORS_UPTIME,
    },
};
use http::Params;
use kernel::{Ctx, Error, Result, Timestamp};
use policy::{Authorize, Rule};
use ports::Load;
use std::{collections::BTreeMap, sync::Arc};
use store::Snapshot;

/// A hypervisor as it is now.
pub(crate) struct Hypervisor {
    pub(crate) host: Arc<ComputeHost>,
    pub(crate) up: bool,
    pub(crate) used: BTreeMap<String, u64>,
    pub(crate) running: usize,
    /// `None` of a host that is not up.
    pub(crate) load: Option<Load>,
    /// `None`: not asked for.
    pub(crate) servers: Option<Vec<Arc<Server>>>,
}

/// Which of the older sub-resources a list is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum For {
    List,
    Detail,
    Search,
    Servers,
}

/// A page of hypervisors, and whether to offer a next one.
pub(crate) async fn list(c: &Compute, cx: &Ctx, params: &Params, what: For) -> Result<(Vec<Hypervisor>, bool)> {
    let rule = match what {
        For::List => &HYPERVISORS_LIST,
        For::Detail => &HYPERVISORS_DETAIL,
        For::Search => &HYPERVISORS_SEARCH,
        For::Servers => &HYPERVISORS_SERVERS,
    };
    let _permit = cx.authorize(rule, &())?;
    let snapshot = c.store.read().await?;
    let paged = cx.version.since(2, 33);
    let pattern = params.get("hypervisor_hostname_pattern").filter(|_| cx.version.since(2, 53));
    let with_servers = cx.version.since(2, 53) && params.flag("with_servers")?.unwrap_or(false);
    if pattern.is_some() && (params.has("limit") || params.has("marker")) {
        return Err(invalid(
            "Paging over hypervisors with the hypervisor_hostname_pattern query parameter is not supported.",
        ));
    }
    let hosts: Vec<_> = snapshot.all::<ComputeHost>().filter(|h| pattern.is_none_or(|p| h.name.contains(p))).collect();
    if let (Some(pattern), true) = (pattern, hosts.is_empty()) {
        return Err(Error::not_found(format!("No hypervisor matching '{pattern}' could be found.")));
    }
    let (hosts, full) = if paged { cut(cx, hosts, params)? } else { (hosts, false) };
    Ok((hosts.into_iter().map(|h| hypervisor(c, &snapshot, h, with_servers)).collect(), full))
}

fn cut(cx: &Ctx, hosts: Vec<Arc<ComputeHost>>, params: &Params) -> Result<(Vec<Arc<ComputeHost>>, bool)> {
    let page = params.page(MAX_LIMIT)?;
    let numbers: Vec<String> = hosts.iter().map(|h| h.number.to_string()).collect();
    let by_id = cx.version.since(2, 53);
    let marked = hosts.into_iter().zip(numbers).collect::<Vec<_>>();
    let id =
        |(host, number): &(Arc<ComputeHost>, String)| if by_id { host.hypervisor_id.clone() } else { number.clone() };
    let ids: Vec<String> = marked.iter().map(id).collect();
    let keyed = marked.into_iter().map(|(host, _)| host).zip(ids).collect::<Vec<_>>();
    let cut = page.cut(keyed, |(_, id)| id.as_str());
    let marker = params.get("marker").unwrap_or_default();
    let items = cut.ok_or_else(|| invalid(format!("marker [{marker}] not found")))?.items;
    let full = page.limit.is_some_and(|limit| limit > 0 && items.len() == limit);
    Ok((items.into_iter().map(|(host, _)| host).collect(), full))
}

/// Before 2.53: by a part of the name, with servers or without.
pub(crate) async fn matching(c: &Compute, cx: &Ctx, pattern: &str, what: For) -> Result<Vec<Hypervisor>> {
    let rule = if what == For::Servers { &HYPERVISORS_SERVERS } else { &HYPERVISORS_SEARCH };
    let _permit = cx.authorize(rule, &())?;
    let snapshot = c.store.read().await?;
    let hosts: Vec<_> = snapshot.all::<ComputeHost>().filter(|h| h.name.contains(pattern)).collect();
    if hosts.is_empty() {
        return Err(Error::not_found(format!("No hypervisor matching '{pattern}' could be found.")));
    }
    Ok(hosts.into_iter().map(|h| hypervisor(c, &snapshot, h, what == For::Servers)).collect())
}

pub(crate) async fn show(c: &Compute, cx: &Ctx, id: &str, with_servers: bool) -> Result<Hypervisor> {
    one(c, cx, id, with_servers, &HYPERVISORS_SHOW).await
}

/// Of a host that is up.
pub(crate) async fn uptime(c: &Compute, cx: &Ctx, id: &str) -> Result<Hypervisor> {
    let found = one(c, cx, id, false, &HYPERVISORS_UPTIME).await?;
    let down = || invalid(format!("Compute service of {} is unavailable at this time.", found.host.name));
    if found.up { Ok(found) } else { Err(down()) }
}

async fn one(c: &Compute, cx: &Ctx, id: &str, with_servers: bool, rule: &'static Rule) -> Result<Hypervisor> {
    let _permit = cx.authorize(rule, &())?;
    let snapshot = c.store.read().await?;
    if cx.version.since(2, 53) && uuid::Uuid::try_parse(id).is_err() {
        return Err(invalid(format!("Invalid uuid {id}")));
    }
    let is = |h: &ComputeHost| if cx.version.since(2, 53) { h.hypervisor_id == id } else { h.number.to_string() == id };
    let host = snapshot.all::<ComputeHost>().find(|h| is(h));
    let host = host.ok_or_else(|| ComputeError::NoComputeHost(id.into()))?;
    Ok(hypervisor(c, &snapshot, host, with_servers))
}

pub(crate) async fn statistics(c: &Compute, cx: &Ctx) -> Result<Vec<Hypervisor>> {
    let _permit = cx.authorize(&HYPERVISORS_STATISTICS, &())?;
    let snapshot = c.store.read().await?;
    Ok(snapshot.all::<ComputeHost>().filter(|h| !h.disabled).map(|h| hypervisor(c, &snapshot, h, false)).collect())
}

impl Hypervisor {
    /// As `uptime` prints it.
    pub(crate) fn uptime(&self, now: Timestamp) -> Option<String> {
        self.load.map(|load| uptime_line(&load, now))
    }
}

/// ` 10:15:20 up 3 days,  2:03,  0 users,  load average: 0.25, 1.50, 2.00`: clients take it apart. Nobody logs in to a host that we know of.
fn uptime_line(load: &Load, now: Timestamp) -> String {
    let (minutes, at) = (load.up_seconds / 60, now.to_string());
    let clock = at.split_once('T').and_then(|(_, time)| time.get(..8)).unwrap_or_default().to_owned();
    let days = match minutes / 1440 {
        0 => String::new(),
        1 => "1 day, ".to_owned(),
        days => format!("{days} days, "),
    };
    let [one, five, fifteen] = load.ready;
    let (hours, minutes) = (minutes / 60 % 24, minutes % 60);
    format!(" {clock} up {days}{hours:2}:{minutes:02},  0 users,  load average: {one:.2}, {five:.2}, {fifteen:.2}")
}

fn hypervisor(c: &Compute, snapshot: &Snapshot, host: Arc<ComputeHost>, with_servers: bool) -> Hypervisor {
    let servers = || snapshot.by(Server::BY_HOST, &host.name);
    let up = c.hosts.is_connected(&host.name) && !host.forced_down;
    Hypervisor {
        up,
        load: c.hosts.load(&host.name).filter(|_| up),
        used: c.placer.used(snapshot, &host.name),
        running: snapshot.count_by(Server::BY_HOST, &host.name),
        servers: with_servers.then(|| servers().collect()),
        host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uptimes_as_the_command_prints_them() {
        let check = |seconds: u64, expect: &str| {
            let load = Load { up_seconds: seconds, ready: [0.25, 1.5, 2.0], ..Load::default() };
            let line = uptime_line(&load, Timestamp::from_secs(36_920));
            assert_eq!(line, format!(" 10:15:20 up {expect},  0 users,  load average: 0.25, 1.50, 2.00"));
        };
        check(59, " 0:00");
        check(2 * 3600 + 180, " 2:03");
        check(86_400 + 60, "1 day,  0:01");
        check(3 * 86_400 + 14 * 3600, "3 days, 14:00");
    }
}

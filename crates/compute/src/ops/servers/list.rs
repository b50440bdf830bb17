//! Lists of servers: Nova's filters, sorting and paging.
//!
//! The usual list (a project's newest) walks an index and stops when the page is full. Any other order collects what
//! passes the filters and sorts it.

mod filter;
mod sort;

use crate::{
    Compute,
    model::{Server, server::Deleted},
    policy::{SERVERS_ALL_FILTERS, SERVERS_DETAIL, SERVERS_DETAIL_ALL, SERVERS_INDEX, SERVERS_INDEX_ALL},
};
use filter::Filter;
use http::Params;
use kernel::{Ctx, Error, ProjectId, Result, Timestamp};
use policy::{Authorize, target};
use sort::Sort;
use std::sync::Arc;
use store::{Order, Snapshot};

/// `CONF.api.max_limit`
pub(crate) const MAX_LIMIT: usize = 1000;
/// Deleted servers looked at for one list.
const DELETED: usize = 10_000;

/// A server of a list; a deleted one says since when.
#[derive(Clone)]
pub(crate) struct Listed {
    pub(crate) server: Arc<Server>,
    pub(crate) terminated: Option<Timestamp>,
}

/// Names only, or everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    Names,
    Details,
}

pub(crate) struct Page {
    pub(crate) servers: Vec<Listed>,
    /// Whether to offer a next page: the list is as long as it may be.
    pub(crate) full: bool,
    pub(crate) snapshot: Snapshot,
}

pub(crate) async fn list(c: &Compute, cx: &Ctx, params: &Params, scope: Scope) -> Result<Page> {
    let project = cx.credentials.project().cloned().unwrap_or_default();
    let own = target! { "project_id" => project, "user_id" => cx.credentials.user };
    let _permit = cx.authorize(if scope == Scope::Names { &SERVERS_INDEX } else { &SERVERS_DETAIL }, &own)?;
    let everything = cx.allows(&SERVERS_ALL_FILTERS, &own);
    let filter = Filter::read(cx, params, everything)?;
    let of = whose(cx, params, scope, project)?;
    let sort = Sort::read(params, cx)?;
    let limit = limit(params)?;
    let snapshot = c.store.read().await?;
    let query = Query { c, snapshot: &snapshot, filter: &filter, of: of.as_ref() };
    let servers = match (sort.is_default(), filter.wants_deleted()) {
        _ if filter.is_impossible() => Vec::new(),
        (true, false) => query.newest(params.get("marker"), limit)?,
        _ => query.sorted(&sort, params.get("marker"), limit).await?,
    };
    let full = limit > 0 && servers.len() == limit;
    Ok(Page { servers, full, snapshot })
}

/// Whose servers: `None` for everybody's, which needs permission.
fn whose(cx: &Ctx, params: &Params, scope: Scope, project: ProjectId) -> Result<Option<ProjectId>> {
    let bad = |_| {
        let value = params.get("all_tenants").unwrap_or_default();
        Error::bad_request(format!("Invalid value '{value}'"))
    };
    if !params.flag("all_tenants").map_err(bad)?.unwrap_or(false) {
        return Ok(Some(project));
    }
    let rule = if scope == Scope::Names { &SERVERS_INDEX_ALL } else { &SERVERS_DETAIL_ALL };
    let _permit = cx.authorize(rule, &target! { "project_id" => project, "user_id" => cx.credentials.user })?;
    Ok(params.get("project_id").or(params.get("tenant_id")).map(ProjectId::from))
}

fn limit(params: &Params) -> Result<usize> {
    match params.get("limit") {
        None => Ok(MAX_LIMIT),
        Some(text) => match text.parse::<usize>() {
            Ok(limit) => Ok(limit.min(MAX_LIMIT)),
            Err(_) => Err(Error::bad_request(format!("limit param must be an integer: {text}"))),
        },
    }
}

fn no_marker(marker: &str) -> Error {
    Error::bad_request(format!("marker [{marker}] not found"))
}

struct Query<'a> {
    c: &'a Compute,
    snapshot: &'a Snapshot,
    filter: &'a Filter,
    of: Option<&'a ProjectId>,
}

impl Query<'_> {
    fn passes(&self, server: &Server) -> bool {
        self.filter.passes(server, || self.c.ports.addresses(self.snapshot, &server.id))
    }

    /// From the marker on along the index that is in the list's order.
    fn newest(&self, marker: Option<&str>, limit: usize) -> Result<Vec<Listed>> {
        let (index, prefix) = match self.of {
            Some(project) => (Server::BY_PROJECT, format!("{project}/")),
            None => (Server::BY_ALL, String::new()),
        };
        let (from, after) = match marker {
            None => (prefix.clone(), ""),
            Some(marker) => {
                let known = self.snapshot.get::<Server>(marker);
                let known = known.filter(|s| self.of.is_none_or(|p| s.project == *p));
                (format!("{prefix}{}", known.ok_or_else(|| no_marker(marker))?.order()), marker)
            }
        };
        let entries = self.snapshot.range_by(index, &from, after);
        let entries = entries.take_while(|(value, _)| value.starts_with(&prefix));
        let entries = entries.skip_while(|(value, key)| **value == from.as_str() && **key == after);
        let servers = entries.filter_map(|(_, key)| self.snapshot.get::<Server>(key)).filter(|s| self.passes(s));
        Ok(servers.take(limit).map(|server| Listed { server, terminated: None }).collect())
    }

    async fn sorted(&self, sort: &Sort, marker: Option<&str>, limit: usize) -> Result<Vec<Listed>> {
        let mut all = if self.filter.wants_only_deleted() { Vec::new() } else { self.newest(None, usize::MAX)? };
        if self.filter.wants_deleted() {
            all.extend(self.deleted().await?);
        }
        all.sort_by(|a, b| sort.compare(&a.server, &b.server));
        let start = match marker {
            None => 0,
            Some(marker) => match all.iter().position(|l| l.server.id == *marker) {
                Some(at) => at + 1,
                None => return Err(no_marker(marker)),
            },
        };
        Ok(all.into_iter().skip(start).take(limit).collect())
    }

    /// Deleted servers, newest first, back to where the filter says.
    async fn deleted(&self) -> Result<Vec<Listed>> {
        let records = self.c.store.history(Deleted::STREAM, None, DELETED, Order::NewestFirst).await?;
        let recent = records.into_iter().take_while(|entry| self.filter.reaches(entry.at));
        let read = recent.filter_map(|entry| serde_json::from_value::<Deleted>(entry.record).ok());
        let ours = read.filter(|d| self.of.is_none_or(|p| d.server.project == *p) && self.passes(&d.server));
        Ok(ours.map(|d| Listed { server: Arc::new(d.server), terminated: Some(d.terminated) }).collect())
    }
}

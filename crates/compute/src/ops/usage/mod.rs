//! `os-simple-tenant-usage`: how long which sizes of server have been there, deleted ones included.

use crate::{
    Compute,
    model::{Server, server::Deleted},
    policy::{USAGE_LIST, USAGE_SHOW},
};
use kernel::{Ctx, ProjectId, Result, Timestamp};
use policy::{Authorize, target};
use std::{collections::BTreeMap, sync::Arc};
use store::Order;

/// Deleted servers read at once.
const CHUNK: usize = 1000;

/// A span of time; what ends after now ends now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: Timestamp,
    pub(crate) stop: Timestamp,
}

/// One server's part of a span.
#[derive(Clone)]
pub(crate) struct Used {
    pub(crate) server: Arc<Server>,
    pub(crate) ended: Option<Timestamp>,
    pub(crate) hours: f64,
}

/// What each project has used, its servers oldest first.
pub(crate) async fn all(c: &Compute, cx: &Ctx, span: Span) -> Result<BTreeMap<ProjectId, Vec<Used>>> {
    let _permit = cx.authorize(&USAGE_LIST, &())?;
    of(c, span, None).await
}

pub(crate) async fn one(c: &Compute, cx: &Ctx, project: &str, span: Span) -> Result<Vec<Used>> {
    let _permit = cx.authorize(&USAGE_SHOW, &target! { "project_id" => project })?;
    let project = ProjectId::from(project);
    Ok(of(c, span, Some(&project)).await?.remove(&project).unwrap_or_default())
}

async fn of(c: &Compute, span: Span, project: Option<&ProjectId>) -> Result<BTreeMap<ProjectId, Vec<Used>>> {
    let mut usage: BTreeMap<ProjectId, Vec<Used>> = BTreeMap::new();
    let mut add = |server: Arc<Server>, ended: Option<Timestamp>| {
        let wanted = project.is_none_or(|p| server.project == *p);
        if let Some(hours) = hours(&server, ended, span).filter(|_| wanted) {
            usage.entry(server.project.clone()).or_default().push(Used { server, ended, hours });
        }
    };
    let snapshot = c.store.read().await?;
    snapshot.all::<Server>().for_each(|server| add(server, None));
    let mut after: Option<String> = None;
    loop {
        let records = c.store.history(Deleted::STREAM, after.as_deref(), CHUNK, Order::NewestFirst).await?;
        let (last, count) = (records.last().map(|r| (r.key.clone(), r.at)), records.len());
        let read = records.into_iter().filter_map(|r| serde_json::from_value::<Deleted>(r.record).ok());
        read.for_each(|deleted| add(Arc::new(deleted.server), Some(deleted.terminated)));
        match last {
            Some((key, at)) if count == CHUNK && at >= span.start => after = Some(key),
            _ => break,
        }
    }
    for servers in usage.values_mut() {
        servers.sort_by_key(|used| used.server.created);
    }
    Ok(usage)
}

/// Hours of the span in which the server was there; `None` if it was not.
fn hours(server: &Server, ended: Option<Timestamp>, span: Span) -> Option<f64> {
    let began = server.launched?.max(span.start);
    let ended = ended.map_or(span.stop, |e| e.min(span.stop));
    (ended >= span.start && began <= span.stop).then(|| ended.since(began).as_secs_f64() / 3600.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::server;

    #[test]
    fn only_what_lies_in_the_span_counts() {
        let hour = |n: i64| Timestamp::from_secs(n * 3600);
        let check = |launched: Option<i64>, ended: Option<i64>, expect: Option<f64>| {
            let server = Server { launched: launched.map(hour), ..server("s") };
            let span = Span { start: hour(10), stop: hour(20) };
            assert_eq!(hours(&server, ended.map(hour), span), expect, "{launched:?} {ended:?}");
        };
        check(Some(5), None, Some(10.0));
        check(Some(12), None, Some(8.0));
        check(Some(12), Some(15), Some(3.0));
        check(Some(5), Some(15), Some(5.0));
        check(Some(5), Some(9), None);
        check(Some(21), None, None);
        check(None, None, None);
    }
}

//! `/os-instance_usage_audit_log`: of a periodic task that Nova has switched off by default, and TStack does without: usage is
//! written when it happens. So no host has ever run it, and the log says so.

use super::{
    check_query,
    schema::{by_version, query},
};
use crate::{
    Compute,
    error::invalid,
    model::ComputeHost,
    policy::{USAGE_LOG_LIST, USAGE_LOG_SHOW},
};
use http::{ApiResult, ApiRouter, Cx, Params, Path, State, ok};
use kernel::{HostName, Timestamp};
use policy::Authorize;
use serde_json::{Value, json};

pub(super) fn routes() -> ApiRouter<Compute> {
    ApiRouter::new()
        .get("/v2.1/os-instance_usage_audit_log", list)
        .get("/v2.1/os-instance_usage_audit_log/{before}", show)
}

by_version! { QUERY = query_schema: 1, 102; }

fn query_schema(minor: u16) -> Value {
    query(json!({}), minor < 102)
}

async fn list(State(c): State<Compute>, Cx(cx): Cx, params: Params) -> ApiResult {
    check_query(&cx, &params, QUERY)?;
    let _permit = cx.authorize(&USAGE_LOG_LIST, &())?;
    Ok(ok(&json!({"instance_usage_audit_logs": log(&c, cx.now())})))
}

async fn show(State(c): State<Compute>, Cx(cx): Cx, Path(before): Path<String>, params: Params) -> ApiResult {
    check_query(&cx, &params, QUERY)?;
    let _permit = cx.authorize(&USAGE_LOG_SHOW, &())?;
    let bad = || invalid(format!("Invalid timestamp for date {before}"));
    let (day, time) = before.split_once(' ').ok_or_else(bad)?;
    let at = Timestamp::parse(&format!("{day}T{time}Z")).ok_or_else(bad)?;
    Ok(ok(&json!({"instance_usage_audit_log": log(&c, at)})))
}

/// The last whole month before `at`, Nova's default period.
fn period(at: Timestamp) -> (String, String) {
    let text = at.iso_z();
    let number = |from: usize, to: usize| text.get(from..to).and_then(|t| t.parse::<i32>().ok()).unwrap_or(1);
    let (year, month) = (number(0, 4), number(5, 7));
    let before = if month == 1 { (year - 1, 12) } else { (year, month - 1) };
    let first = |(year, month): (i32, i32)| format!("{year:04}-{month:02}-01 00:00:00");
    (first(before), first((year, month)))
}

fn log(c: &Compute, at: Timestamp) -> Value {
    let hosts: Vec<HostName> = c.store.snapshot().all::<ComputeHost>().map(|h| h.name.clone()).collect();
    let (begin, end) = period(at);
    json!({
        "period_beginning": begin,
        "period_ending": end,
        "num_hosts": hosts.len(),
        "num_hosts_done": 0,
        "num_hosts_running": 0,
        "num_hosts_not_run": hosts.len(),
        "hosts_not_run": hosts,
        "total_instances": 0,
        "total_errors": 0,
        "overall_status": format!("0 of {} hosts done. 0 errors.", hosts.len()),
        "log": {},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_whole_month() {
        for (at, begin, end) in [
            ("2026-03-15T10:00:00Z", "2026-02-01 00:00:00", "2026-03-01 00:00:00"),
            ("2026-01-01T00:00:00Z", "2025-12-01 00:00:00", "2026-01-01 00:00:00"),
        ] {
            assert_eq!(period(Timestamp::parse(at).unwrap()), (begin.to_owned(), end.to_owned()));
        }
    }
}

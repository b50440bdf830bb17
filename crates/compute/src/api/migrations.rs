//! `/os-migrations`: what has moved, and what is on its way; and below a server the live migration that it is in.

use super::{
    check_query, checked, links, path_of,
    schema::{bare, by_version, paging, query, values, words},
    since, with_next,
};
use crate::{
    Compute,
    model::{
        Migration,
        migration::{MigrationKind, Transferred},
    },
    ops::migrations::{self, Seen},
};
use http::{ApiResult, ApiRouter, BaseUrl, Cx, JsonBody, Params, Path, State, accepted, ok};
use kernel::{Ctx, Timestamp};
use serde_json::{Value, json};

pub(super) fn routes() -> ApiRouter<Compute> {
    ApiRouter::new()
        .get("/v2.1/os-migrations", list)
        .get("/v2.1/servers/{server_id}/migrations", of_server)
        .get("/v2.1/servers/{server_id}/migrations/{migration_id}", show)
        .delete("/v2.1/servers/{server_id}/migrations/{migration_id}", abort)
        .post("/v2.1/servers/{server_id}/migrations/{migration_id}/action", act)
        .action("/v2.1/servers/{server_id}/migrations/{migration_id}/action", "force_complete")
}

by_version! {
    LIST = list_schema: 1, 59, 66, 80;
    OF_SERVER = of_server_schema: 23, 102;
    FORCE_COMPLETE = force_complete_schema: 22;
}

fn list_schema(minor: u16) -> Value {
    let mut properties = json!({});
    for key in ["hidden", "host", "instance_uuid", "source_compute", "status", "migration_type"] {
        properties[key] = words();
    }
    let time = || values(json!({"type": "string", "format": "date-time"}));
    if minor >= 59 {
        properties["changes-since"] = time();
        paging(&mut properties);
    }
    if minor >= 66 {
        properties["changes-before"] = time();
    }
    if minor >= 80 {
        properties["user_id"] = words();
        properties["project_id"] = words();
    }
    query(properties, minor < 59)
}

fn of_server_schema(minor: u16) -> Value {
    query(json!({}), minor < 102)
}

async fn list(State(c): State<Compute>, Cx(cx): Cx, params: Params, base: BaseUrl) -> ApiResult {
    check_query(&cx, &params, LIST)?;
    let (found, next) = migrations::list(&c, &cx, &params).await?;
    let views: Vec<_> = found.iter().map(|seen| view(&cx, &base, seen)).collect();
    let mut body = json!({"migrations": views});
    with_next(&mut body, "migrations_links", &base, &path_of("os-migrations"), &params, next.as_deref());
    Ok(ok(&body))
}

async fn of_server(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>, params: Params) -> ApiResult {
    since(&cx, 23)?;
    check_query(&cx, &params, OF_SERVER)?;
    let found = migrations::in_progress(&c, &cx, &id).await?;
    let views: Vec<_> = found.iter().map(|seen| progress_view(&cx, seen)).collect();
    Ok(ok(&json!({"migrations": views})))
}

async fn show(
    State(c): State<Compute>,
    Cx(cx): Cx,
    Path((id, number)): Path<(String, String)>,
    params: Params,
) -> ApiResult {
    since(&cx, 23)?;
    check_query(&cx, &params, OF_SERVER)?;
    let found = migrations::show(&c, &cx, &id, &number).await?;
    Ok(ok(&json!({"migration": progress_view(&cx, &found)})))
}

fn force_complete_schema(_: u16) -> Value {
    bare("force_complete")
}

async fn abort(State(c): State<Compute>, Cx(cx): Cx, Path((id, number)): Path<(String, String)>) -> ApiResult {
    since(&cx, 24)?;
    migrations::abort(&c, &cx, &id, &number).await?;
    Ok(accepted())
}

async fn act(
    State(c): State<Compute>,
    Cx(cx): Cx,
    Path((id, number)): Path<(String, String)>,
    body: JsonBody,
) -> ApiResult {
    since(&cx, 22)?;
    let _: Value = checked(&cx, body, FORCE_COMPLETE)?;
    migrations::force_complete(&c, &cx, &id, &number).await?;
    Ok(accepted())
}

/// What both views have. A host is one node, so its name stands for both.
fn common(cx: &Ctx, seen: &Seen) -> Value {
    let (m, hosts) = (&seen.migration, seen.hosts.as_ref());
    let dest = hosts.and_then(|h| h.dest.as_deref());
    let mut view = json!({
        "id": m.number,
        "status": m.status,
        "source_node": hosts.map(|h| &h.source),
        "source_compute": hosts.map(|h| &h.source),
        "dest_node": dest,
        "dest_compute": dest,
        "dest_host": hosts.and_then(|h| h.dest_address.as_deref()),
        "created_at": m.created.iso_micros(),
        "updated_at": m.updated.map(Timestamp::iso_micros),
    });
    if cx.version.since(2, 59) {
        view["uuid"] = json!(m.id);
    }
    if cx.version.since(2, 80) {
        view["user_id"] = json!(m.user);
        view["project_id"] = json!(m.project);
    }
    view
}

fn view(cx: &Ctx, base: &BaseUrl, seen: &Seen) -> Value {
    let m: &Migration = &seen.migration;
    let flavor = |number: u64| (number > 0).then_some(number);
    let mut view = common(cx, seen);
    view["instance_uuid"] = json!(m.server);
    view["old_instance_type_id"] = json!(flavor(m.old_flavor));
    view["new_instance_type_id"] = json!(flavor(m.new_flavor));
    if cx.version.since(2, 23) {
        view["migration_type"] = json!(m.kind);
        if m.kind == MigrationKind::Live && m.status.is_in_progress() {
            view["links"] = links(base, &format!("servers/{}/migrations", m.server), &m.number.to_string());
        }
    }
    view
}

fn progress_view(cx: &Ctx, seen: &Seen) -> Value {
    let mut view = common(cx, seen);
    view["server_uuid"] = json!(seen.migration.server);
    let progress = seen.migration.progress;
    for (what, bytes) in [("memory", progress.map(|p| p.memory)), ("disk", progress.map(|p| p.disk))] {
        let of = |part: fn(Transferred) -> u64| json!(bytes.map(part));
        view[format!("{what}_total_bytes")] = of(|t| t.total);
        view[format!("{what}_processed_bytes")] = of(|t| t.processed);
        view[format!("{what}_remaining_bytes")] = of(|t| t.remaining);
    }
    view
}

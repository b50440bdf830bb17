//! `/v3/groups` (3.13) and `/v3/group_snapshots` (3.14)

use super::{ListCx, VolumeCx, read_flag, since, text, views};
use crate::{
    VolumeService,
    ops::groups::{
        self, Change,
        create::{NewGroup, Source, create_from},
        snapshots::{self, NewGroupSnapshot},
    },
};
use http::{ApiResult, ApiRouter, JsonBody, Params, Path, State, StatusCode};
use kernel::{Ctx, Error};
use serde_json::{Value, json};

pub(super) fn routes() -> ApiRouter<VolumeService> {
    ApiRouter::new()
        .get("/v3/groups", index)
        .get("/v3/groups/detail", detail)
        .post("/v3/groups", create)
        .post("/v3/groups/action", action_on_all)
        .get("/v3/groups/{id}", show)
        .put("/v3/groups/{id}", put)
        .post("/v3/groups/{id}/action", action)
        .action("/v3/groups/{id}/action", "create-from-src")
        .action("/v3/groups/{id}/action", "delete")
        .action("/v3/groups/{id}/action", "reset_status")
        .action("/v3/groups/{id}/action", "enable_replication")
        .action("/v3/groups/{id}/action", "disable_replication")
        .action("/v3/groups/{id}/action", "failover_replication")
        .action("/v3/groups/{id}/action", "list_replication_targets")
        .get("/v3/group_snapshots", snapshot_index)
        .get("/v3/group_snapshots/detail", snapshot_detail)
        .post("/v3/group_snapshots", create_snapshot)
        .get("/v3/group_snapshots/{id}", show_snapshot)
        .delete("/v3/group_snapshots/{id}", delete_snapshot)
        .post("/v3/group_snapshots/{id}/action", snapshot_action)
        .action("/v3/group_snapshots/{id}/action", "reset_status")
}

http::schema! {
    CREATE = {
        "type": "object",
        "required": ["group"],
        "additionalProperties": false,
        "properties": {
            "group": {
                "type": "object",
                "required": ["group_type", "volume_types"],
                "additionalProperties": false,
                "properties": {
                    "description": {"type": ["string", "null"], "maxLength": 255},
                    "group_type": {"type": "string", "minLength": 1, "maxLength": 255},
                    "name": {"type": ["string", "null"], "maxLength": 255},
                    "volume_types": {"type": "array", "minItems": 1, "items": {"type": "string", "maxLength": 255}, "uniqueItems": true},
                    "availability_zone": {"type": ["string", "null"], "minLength": 1, "maxLength": 255},
                },
            },
        },
    };
    UPDATE = {
        "type": "object",
        "required": ["group"],
        "additionalProperties": false,
        "properties": {
            "group": {
                "type": "object",
                "minProperties": 1,
                "additionalProperties": false,
                "properties": {
                    "description": {"type": ["string", "null"], "maxLength": 255},
                    "name": {"type": ["string", "null"], "maxLength": 255},
                    "add_volumes": {"type": ["string", "null"]},
                    "remove_volumes": {"type": ["string", "null"]},
                },
            },
        },
    };
    CREATE_FROM = {
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "description": {"type": ["string", "null"], "maxLength": 255},
            "name": {"type": ["string", "null"], "maxLength": 255},
            "source_group_id": {"type": "string", "format": "uuid"},
            "group_snapshot_id": {"type": "string", "format": "uuid"},
        },
    };
    CREATE_SNAPSHOT = {
        "type": "object",
        "required": ["group_snapshot"],
        "additionalProperties": false,
        "properties": {
            "group_snapshot": {
                "type": "object",
                "required": ["group_id"],
                "additionalProperties": false,
                "properties": {
                    "group_id": {"type": "string", "format": "uuid"},
                    "name": {"type": ["string", "null"], "maxLength": 255},
                    "description": {"type": ["string", "null"], "maxLength": 255},
                },
            },
        },
    }
}

async fn index(State(service): State<VolumeService>, list: ListCx) -> ApiResult {
    since(&list.cx, 13)?;
    let listed = groups::list(&service, &list.cx, &list.query()?)?;
    list.show("/volume/v3/groups", "groups", &listed, |g| json!({"id": g.id, "name": g.name}))
}

async fn detail(State(service): State<VolumeService>, list: ListCx) -> ApiResult {
    since(&list.cx, 13)?;
    let listed = groups::list(&service, &list.cx, &list.query()?)?;
    let (view, with) = (service.view(), volumes_wanted(&list.cx, &list.params)?);
    list.show("/volume/v3/groups/detail", "groups", &listed, |g| views::group(&list.cx, &view, g, with))
}

/// `list_volume=True` (3.25)
fn volumes_wanted(cx: &Ctx, params: &Params) -> kernel::Result<bool> {
    Ok(cx.version.since(3, 25) && params.flag("list_volume")?.unwrap_or(false))
}

async fn create(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx, body: JsonBody) -> ApiResult {
    since(&cx, 13)?;
    let body: Value = body.read(&CREATE)?;
    let new = &body["group"];
    let new = NewGroup {
        name: text(new, "name").map(|n| n.trim().to_owned()),
        description: text(new, "description"),
        group_type: text(new, "group_type").unwrap_or_default(),
        volume_types: http::from_value(new["volume_types"].clone())?,
        zone: text(new, "availability_zone"),
    };
    let made = groups::create::create(&service, &cx, new).await?;
    Ok(http::json_response(StatusCode::ACCEPTED, &json!({"group": {"id": made.id, "name": made.name}})))
}

async fn show(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
    params: Params,
) -> ApiResult {
    since(&cx, 13)?;
    let found = groups::show(&service, &cx, &id)?;
    let with = volumes_wanted(&cx, &params)?;
    Ok(http::ok(&json!({"group": views::group(&cx, &service.view(), &found, with)})))
}

async fn put(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
    body: JsonBody,
) -> ApiResult {
    since(&cx, 13)?;
    let body: Value = body.read(&UPDATE)?;
    let new = &body["group"];
    let ids = |key: &str| {
        let text = text(new, key).unwrap_or_default();
        text.split(',').map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned).collect()
    };
    let change = Change {
        name: text(new, "name"),
        description: text(new, "description"),
        add: ids("add_volumes"),
        remove: ids("remove_volumes"),
    };
    groups::update(&service, &cx, &id, change).await?;
    Ok(http::accepted())
}

/// The one action that is on no group, as it makes one.
async fn action_on_all(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx, body: JsonBody) -> ApiResult {
    let (name, args) = body.action()?;
    match name.as_str() {
        "create-from-src" => create_from_source(&service, &cx, args).await,
        other => Err(Error::bad_request(format!("There is no such action: {other}")).into()),
    }
}

async fn action(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
    body: JsonBody,
) -> ApiResult {
    since(&cx, 13)?;
    let (name, args) = body.action()?;
    match name.as_str() {
        "create-from-src" => return create_from_source(&service, &cx, args).await,
        "delete" => {
            let with = args.get("delete-volumes").map_or(Ok(false), |v| read_flag(v, "delete-volumes"))?;
            groups::delete(&service, &cx, &id, with).await?;
        }
        "reset_status" => {
            since(&cx, 20)?;
            groups::reset_status(&service, &cx, &id, &text(&args, "status").unwrap_or_default()).await?;
        }
        other => match groups::replication_rule(other) {
            Some(rule) => {
                since(&cx, 38)?;
                groups::refuse_replication(&service, &cx, rule, &id)?;
            }
            None => return Err(Error::bad_request(format!("There is no such action: {other}")).into()),
        },
    }
    Ok(http::accepted())
}

async fn create_from_source(service: &VolumeService, cx: &Ctx, args: Value) -> ApiResult {
    since(cx, 14)?;
    let args: Value = JsonBody(args).read(&CREATE_FROM)?;
    let source = match (text(&args, "source_group_id"), text(&args, "group_snapshot_id")) {
        (Some(group), None) => Source::Group(group),
        (None, Some(snapshot)) => Source::Snapshot(snapshot),
        _ => {
            let text =
                "Either 'group_snapshot_id' or 'source_group_id' must be provided to create a group from source.";
            return Err(Error::bad_request(text).into());
        }
    };
    let made = create_from(service, cx, source, text(&args, "name"), text(&args, "description")).await?;
    Ok(http::json_response(StatusCode::ACCEPTED, &json!({"group": {"id": made.id, "name": made.name}})))
}

async fn snapshot_index(State(service): State<VolumeService>, list: ListCx) -> ApiResult {
    since(&list.cx, 14)?;
    let listed = snapshots::list(&service, &list.cx, &list.query()?)?;
    list.show("/volume/v3/group_snapshots", "group_snapshots", &listed, views::group_snapshot_summary)
}

async fn snapshot_detail(State(service): State<VolumeService>, list: ListCx) -> ApiResult {
    since(&list.cx, 14)?;
    let listed = snapshots::list(&service, &list.cx, &list.query()?)?;
    let view = service.view();
    list.show("/volume/v3/group_snapshots/detail", "group_snapshots", &listed, |s| {
        views::group_snapshot(&list.cx, &view, s)
    })
}

async fn create_snapshot(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx, body: JsonBody) -> ApiResult {
    since(&cx, 14)?;
    let body: Value = body.read(&CREATE_SNAPSHOT)?;
    let new = &body["group_snapshot"];
    let (name, description) = (text(new, "name"), text(new, "description"));
    let new = NewGroupSnapshot { group: text(new, "group_id").unwrap_or_default(), name, description };
    let made = snapshots::create(&service, &cx, new).await?;
    let out = json!({"group_snapshot": views::group_snapshot_summary(&made)});
    Ok(http::json_response(StatusCode::ACCEPTED, &out))
}

async fn show_snapshot(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
) -> ApiResult {
    since(&cx, 14)?;
    let found = snapshots::show(&service, &cx, &id)?;
    Ok(http::ok(&json!({"group_snapshot": views::group_snapshot(&cx, &service.view(), &found)})))
}

async fn delete_snapshot(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
) -> ApiResult {
    since(&cx, 14)?;
    snapshots::delete(&service, &cx, &id).await?;
    Ok(http::accepted())
}

async fn snapshot_action(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
    body: JsonBody,
) -> ApiResult {
    since(&cx, 19)?;
    let (name, args) = body.action()?;
    if name != "reset_status" {
        return Err(Error::bad_request(format!("There is no such action: {name}")).into());
    }
    snapshots::reset_status(&service, &cx, &id, &text(&args, "status").unwrap_or_default()).await?;
    Ok(http::accepted())
}

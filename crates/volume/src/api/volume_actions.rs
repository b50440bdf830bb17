//! `/v3/volumes/{id}/action`

use super::{VolumeCx, read_flag, since};
use crate::{
    Volume, VolumeService, error,
    ops::{
        attachments::legacy,
        manage,
        volumes::{actions, create, delete, migrate, rework, update},
    },
    policy,
    service::authorize,
};
use ::policy::Rule;
use http::{ApiResult, ApiRouter, JsonBody, Path, State, StatusCode};
use kernel::{Ctx, Error, Result};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const PATH: &str = "/v3/volumes/{id}/action";

const ACTIONS: &[&str] = &[
    "os-extend",
    "os-reset_status",
    "os-force_delete",
    "os-unmanage",
    "os-set_bootable",
    "os-update_readonly_flag",
    "os-set_image_metadata",
    "os-unset_image_metadata",
    "os-show_image_metadata",
    "os-volume_upload_image",
    "os-reserve",
    "os-unreserve",
    "os-begin_detaching",
    "os-roll_detaching",
    "os-attach",
    "os-detach",
    "os-force_detach",
    "os-initialize_connection",
    "os-terminate_connection",
    "os-retype",
    "os-migrate_volume",
    "os-migrate_volume_completion",
    "os-extend_volume_completion",
    "os-reimage",
    "revert",
];

pub(super) fn routes() -> ApiRouter<VolumeService> {
    let routes = ApiRouter::new().post(PATH, action);
    ACTIONS.iter().fold(routes, |routes, name| routes.action(PATH, name))
}

/// Who acts, on what, with what.
struct Act<'a> {
    service: &'a VolumeService,
    cx: &'a Ctx,
    id: &'a str,
    args: Value,
}

async fn action(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
    body: JsonBody,
) -> ApiResult {
    let (name, args) = body.action()?;
    let act = Act { service: &service, cx: &cx, id: &id, args };
    match name.as_str() {
        "os-extend" | "os-reset_status" | "os-force_delete" | "os-unmanage" | "os-volume_upload_image" => {
            act.administer(&name).await
        }
        "os-set_bootable" | "os-update_readonly_flag" => act.flag(&name).await,
        "os-set_image_metadata" | "os-unset_image_metadata" | "os-show_image_metadata" => {
            act.image_metadata(&name).await
        }
        "os-retype" | "os-reimage" | "revert" => act.rework(&name).await,
        "os-migrate_volume" | "os-migrate_volume_completion" | "os-extend_volume_completion" => act.moving(&name).await,
        name if ACTIONS.contains(&name) => act.attach(name).await,
        other => Err(Error::bad_request(format!("There is no such action: {other}")).into()),
    }
}

impl Act<'_> {
    fn text(&self, key: &str) -> Option<String> {
        self.args.get(key).and_then(Value::as_str).map(str::to_owned)
    }

    async fn administer(self, name: &str) -> ApiResult {
        let Self { service, cx, id, .. } = self;
        match name {
            "os-extend" => actions::extend(service, cx, id, create::read_size(&self.args["new_size"])?).await?,
            "os-reset_status" => actions::reset_status(service, cx, id, &self.args).await?,
            "os-force_delete" => {
                delete::delete_volume(service, cx, id, delete::Wanted::FORCE).await?;
            }
            "os-unmanage" => manage::volumes::unmanage(service, cx, id).await?,
            _ => {
                let answer = actions::upload(service, cx, id, JsonBody(self.args).read(&UPLOAD)?).await?;
                return Ok(http::json_response(StatusCode::ACCEPTED, &answer));
            }
        }
        Ok(http::accepted())
    }

    async fn rework(self, name: &str) -> ApiResult {
        let Self { service, cx, id, .. } = self;
        let wanted = |key: &str| {
            let missing = || Error::bad_request(format!("Missing required element '{key}' in request body."));
            self.text(key).ok_or_else(missing)
        };
        match name {
            "revert" => {
                since(cx, 40)?;
                rework::revert(service, cx, id, &wanted("snapshot_id")?).await?;
            }
            "os-reimage" => {
                since(cx, 68)?;
                let reserved =
                    self.args.get("reimage_reserved").map_or(Ok(false), |v| read_flag(v, "reimage_reserved"))?;
                rework::reimage(service, cx, id, &wanted("image_id")?, reserved).await?;
            }
            _ => {
                let moving = match self.text("migration_policy").as_deref() {
                    None | Some("never") => rework::Moving::Never,
                    Some("on-demand") => rework::Moving::OnDemand,
                    Some(other) => return Err(not_one_of("migration_policy", other, "never, on-demand").into()),
                };
                rework::retype(service, cx, id, &wanted("new_type")?, moving).await?;
            }
        }
        Ok(http::accepted())
    }

    /// Moves, and what those who move or grow by themselves report of it: here flows do both, so nothing waits for a report.
    async fn moving(self, name: &str) -> ApiResult {
        let Self { service, cx, id, .. } = self;
        let volume = service.find_volume(cx, id)?;
        let nothing =
            |what: &str| Err(error::invalid_volume(format!("no {what} of volume {id} waits for completion")).into());
        match name {
            "os-migrate_volume_completion" => {
                let _permitted = authorize(cx, &policy::MIGRATE_COMPLETION, &volume.project)?;
                nothing("migration")
            }
            "os-extend_volume_completion" => {
                let _permitted = authorize(cx, &policy::EXTEND_COMPLETION, &volume.project)?;
                nothing("extend")
            }
            _ => {
                let _permitted = authorize(cx, &policy::MIGRATE, &volume.project)?;
                for flag in ["force_host_copy", "lock_volume"] {
                    self.args.get(flag).map(|v| read_flag(v, flag)).transpose()?;
                }
                let missing = "Invalid input received: One and only one of cluster and host must be set.";
                let host = self.text("host").filter(|h| !h.is_empty()).ok_or_else(|| Error::bad_request(missing))?;
                migrate::migrate(service, cx, id, &host).await?;
                Ok(http::accepted())
            }
        }
    }

    async fn flag(self, name: &str) -> ApiResult {
        type Set = fn(&mut Volume, bool);
        let (key, rule, set): (_, &'static Rule, Set) = match name {
            "os-set_bootable" => ("bootable", &policy::UPDATE, |v, on| v.bootable = on),
            _ => ("readonly", &policy::READONLY, |v, on| v.read_only = Some(on)),
        };
        let _permitted = authorize(self.cx, rule, &self.service.find_volume(self.cx, self.id)?.project)?;
        let on = read_flag(&self.args[key], key)?;
        let edit = move |volume: &mut Volume| {
            set(volume, on);
            Ok(())
        };
        update::update_volume(self.service, self.cx, rule, self.id, edit).await?;
        Ok(if key == "bootable" { http::done() } else { http::accepted() })
    }

    async fn image_metadata(self, name: &str) -> ApiResult {
        let Self { service, cx, id, .. } = self;
        let volume = service.find_volume(cx, id)?;
        match name {
            "os-show_image_metadata" => {
                let _read = authorize(cx, &policy::IMAGE_METADATA_SHOW, &volume.project)?;
                Ok(http::ok(&json!({"metadata": volume.image_metadata})))
            }
            "os-set_image_metadata" => {
                let _permitted = authorize(cx, &policy::IMAGE_METADATA_SET, &volume.project)?;
                let more: BTreeMap<String, String> = http::from_value(self.args["metadata"].clone())?;
                update::check_metadata(&more)?;
                let edit = move |volume: &mut Volume| {
                    volume.image_metadata.extend(more.clone());
                    Ok(())
                };
                let volume = update::update_volume(service, cx, &policy::IMAGE_METADATA_SET, id, edit).await?;
                Ok(http::ok(&json!({"metadata": volume.image_metadata})))
            }
            _ => {
                let key = self.text("key").unwrap_or_default();
                let absent = || Error::not_found("Metadata does not exist.");
                let edit = move |volume: &mut Volume| volume.image_metadata.remove(&key).map(drop).ok_or_else(absent);
                update::update_volume(service, cx, &policy::IMAGE_METADATA_REMOVE, id, edit).await?;
                Ok(http::done())
            }
        }
    }

    /// The verbs by which Nova attached volumes before there were attachments (3.27); clients still use them.
    async fn attach(self, name: &str) -> ApiResult {
        let Self { service, cx, id, .. } = self;
        match name {
            "os-reserve" => legacy::reserve(service, cx, id).await?,
            "os-unreserve" => legacy::unreserve(service, cx, id).await?,
            "os-begin_detaching" => legacy::mark(service, cx, &policy::BEGIN_DETACHING, id, true).await?,
            "os-roll_detaching" => legacy::mark(service, cx, &policy::ROLL_DETACHING, id, false).await?,
            "os-attach" => legacy::attach(service, cx, id, Attach::read(self.args)?.into()).await?,
            "os-detach" => legacy::detach(service, cx, &policy::DETACH, id, self.text("attachment_id")).await?,
            "os-force_detach" => {
                legacy::detach(service, cx, &policy::FORCE_DETACH, id, self.text("attachment_id")).await?
            }
            // Whose connection it is follows from the attachment, whatever the connector says.
            "os-terminate_connection" => legacy::terminate(service, cx, id).await?,
            _ => {
                let host = connector(&self.args)?;
                let (attachment, target) = legacy::initialize(service, cx, id, &host.into()).await?;
                let info = super::views::legacy_connection(&service.view(), &attachment, &target);
                return Ok(http::ok(&json!({"connection_info": info})));
            }
        }
        Ok(http::accepted())
    }
}

fn not_one_of(key: &str, given: &str, known: &str) -> Error {
    Error::bad_request(format!("Invalid input for field/attribute {key}. Value: {given}. It is none of {known}"))
}

fn connector(args: &Value) -> Result<&str> {
    let host = args["connector"]["host"].as_str();
    host.ok_or_else(|| Error::bad_request("Invalid input received: Must specify 'connector' with its 'host'."))
}

#[derive(Deserialize)]
struct Attach {
    instance_uuid: Option<kernel::ServerId>,
    host_name: Option<String>,
    mountpoint: String,
    mode: Option<String>,
}

http::schema! {
    UPLOAD = {
        "type": "object",
        "required": ["image_name"],
        "additionalProperties": false,
        "properties": {
            "image_name": {"type": "string", "minLength": 1, "maxLength": 255},
            "force": {"type": ["boolean", "string"]},
            "disk_format": {"type": "string", "enum": ["raw", "vmdk", "vdi", "qcow2", "vhd", "vhdx", "ploop"]},
            "container_format": {"type": "string", "maxLength": 255},
            "visibility": {"type": "string", "enum": ["community", "public", "private", "shared"]},
            "protected": {"type": ["boolean", "string"]},
        },
    };
    ATTACH = {
        "type": "object",
        "required": ["mountpoint"],
        "properties": {
            "instance_uuid": {"type": ["string", "null"], "format": "uuid"},
            "host_name": {"type": ["string", "null"], "maxLength": 255},
            "mountpoint": {"type": "string", "minLength": 1, "maxLength": 255},
            "mode": {"type": "string", "enum": ["rw", "ro"]},
        },
    }
}

impl Attach {
    fn read(args: Value) -> Result<Self> {
        let read: Self = JsonBody(args).read(&ATTACH)?;
        if read.instance_uuid.is_some() == read.host_name.is_some() {
            return Err(Error::bad_request("Invalid request to attach volume to an instance and/or host: name one"));
        }
        Ok(read)
    }
}

impl From<Attach> for legacy::Attach {
    fn from(a: Attach) -> Self {
        Self {
            server: a.instance_uuid,
            host: a.host_name.map(Into::into),
            device: a.mountpoint,
            read_only: a.mode.as_deref() == Some("ro"),
        }
    }
}

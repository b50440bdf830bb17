//! `/v3/types/{id}/extra_specs` and `/v3/group_types/{id}/group_specs`: the same resource of two sorts of types.

use super::{VolumeCx, item, since};
use crate::{
    VolumeService,
    model::{GroupType, VolumeType},
    ops::{
        group_types,
        kinds::{self, TypeKind},
        types,
    },
    policy,
    service::authorize_own,
};
use ::policy::Rule;
use http::{ApiResult, ApiRouter, JsonBody, Path, Schema, State, StatusCode};
use kernel::{Ctx, Error, Result};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};

type Specs = BTreeMap<String, String>;

/// The rules that the resource is asked under.
struct Rules {
    index: &'static Rule,
    show: &'static Rule,
    create: &'static Rule,
    update: &'static Rule,
    delete: &'static Rule,
}

/// A sort of type whose specs are served.
trait Served: TypeKind {
    /// The resource's name, in paths and bodies.
    const KEY: &'static str;
    /// The minor version it came with.
    const SINCE: u16;
    const CREATED: StatusCode;
    const RULES: Rules;
    fn schemas() -> (&'static Schema, &'static Schema);
    fn find(service: &VolumeService, cx: &Ctx, id: &str) -> Result<Arc<Self>>;
    /// Those that the caller may see.
    fn shown(&self, cx: &Ctx) -> Specs;
    fn check(_: &Specs) -> Result<()> {
        Ok(())
    }
    fn no_spec(id: &str, key: &str) -> Error;
}

http::schema! {
    EXTRA_SPECS = {
        "type": "object",
        "required": ["extra_specs"],
        "additionalProperties": false,
        "properties": {
            "extra_specs": {
                "type": "object",
                "additionalProperties": false,
                "patternProperties": {"^[a-zA-Z0-9-_:.]{1,255}$": {"type": "string", "maxLength": 255}},
            },
        },
    };
    EXTRA_SPEC = {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": false,
        "patternProperties": {"^[a-zA-Z0-9-_:.]{1,255}$": {"type": "string", "maxLength": 255}},
    };
    GROUP_SPECS = {
        "type": "object",
        "required": ["group_specs"],
        "additionalProperties": false,
        "properties": {"group_specs": {"type": "object", "additionalProperties": {"type": "string", "maxLength": 255}}},
    };
    GROUP_SPEC = {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": {"type": "string", "maxLength": 255},
    }
}

impl Served for VolumeType {
    const KEY: &'static str = "extra_specs";
    const SINCE: u16 = 0;
    const CREATED: StatusCode = StatusCode::OK;
    const RULES: Rules = Rules {
        index: &policy::SPECS_INDEX,
        show: &policy::SPECS_SHOW,
        create: &policy::SPECS_CREATE,
        update: &policy::SPECS_UPDATE,
        delete: &policy::SPECS_DELETE,
    };
    fn schemas() -> (&'static Schema, &'static Schema) {
        (&EXTRA_SPECS, &EXTRA_SPEC)
    }
    fn find(service: &VolumeService, cx: &Ctx, id: &str) -> Result<Arc<Self>> {
        types::find(service, cx, id)
    }
    fn shown(&self, cx: &Ctx) -> Specs {
        super::views::open_specs(cx, &self.extra_specs)
    }
    /// What a back end cannot do is not promised.
    fn check(specs: &Specs) -> Result<()> {
        match specs.get("multiattach") {
            Some(value) if value != "<is> True" && value != "<is> False" => Err(Error::bad_request(format!(
                "Invalid input received: multiattach is \"<is> True\" or \"<is> False\", not {value}"
            ))),
            _ => Ok(()),
        }
    }
    fn no_spec(id: &str, key: &str) -> Error {
        Error::not_found(format!("Volume Type {id} has no extra specs with key {key}."))
    }
}

impl Served for GroupType {
    const KEY: &'static str = "group_specs";
    const SINCE: u16 = 11;
    const CREATED: StatusCode = StatusCode::ACCEPTED;
    const RULES: Rules = Rules {
        index: &policy::GROUP_SPECS_GET_ALL,
        show: &policy::GROUP_SPECS_GET,
        create: &policy::GROUP_SPECS_CREATE,
        update: &policy::GROUP_SPECS_UPDATE,
        delete: &policy::GROUP_SPECS_DELETE,
    };
    fn schemas() -> (&'static Schema, &'static Schema) {
        (&GROUP_SPECS, &GROUP_SPEC)
    }
    fn find(service: &VolumeService, cx: &Ctx, id: &str) -> Result<Arc<Self>> {
        group_types::show(service, cx, id)
    }
    fn shown(&self, _: &Ctx) -> Specs {
        self.specs.clone()
    }
    fn no_spec(id: &str, key: &str) -> Error {
        Error::not_found(format!("Group Type {id} has no extra spec with key {key}."))
    }
}

pub(super) fn routes() -> ApiRouter<VolumeService> {
    of::<VolumeType>("/v3/types/{id}/extra_specs", "/v3/types/{id}/extra_specs/{key}")
        .merge(of::<GroupType>("/v3/group_types/{id}/group_specs", "/v3/group_types/{id}/group_specs/{key}"))
}

fn of<T: Served>(all: &'static str, one: &'static str) -> ApiRouter<VolumeService> {
    ApiRouter::new()
        .get(all, index::<T>)
        .post(all, add::<T>)
        .get(one, show::<T>)
        .put(one, put::<T>)
        .delete(one, remove::<T>)
}

async fn index<T: Served>(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
) -> ApiResult {
    since(&cx, T::SINCE)?;
    let _read = authorize_own(&cx, T::RULES.index)?;
    Ok(http::ok(&json!({T::KEY: T::find(&service, &cx, &id)?.shown(&cx)})))
}

async fn add<T: Served>(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
    body: JsonBody,
) -> ApiResult {
    since(&cx, T::SINCE)?;
    let _permitted = authorize_own(&cx, T::RULES.create)?;
    let mut body: Value = body.read(T::schemas().0)?;
    let more: Specs = http::from_value(body[T::KEY].take())?;
    T::check(&more)?;
    let answer = json!({T::KEY: more});
    let edit = move |t: &mut T| {
        t.specs_mut().extend(more.clone());
        Ok(())
    };
    kinds::update(&service, &cx, T::RULES.create, &id, edit).await?;
    Ok(http::json_response(T::CREATED, &answer))
}

async fn show<T: Served>(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path((id, key)): Path<(String, String)>,
) -> ApiResult {
    since(&cx, T::SINCE)?;
    let _read = authorize_own(&cx, T::RULES.show)?;
    let found = T::find(&service, &cx, &id)?.shown(&cx);
    let value = found.get(&key).ok_or_else(|| T::no_spec(&id, &key))?;
    Ok(http::ok(&json!({key: value})))
}

async fn put<T: Served>(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path((id, key)): Path<(String, String)>,
    body: JsonBody,
) -> ApiResult {
    since(&cx, T::SINCE)?;
    let _permitted = authorize_own(&cx, T::RULES.update)?;
    let specs: Specs = body.read(T::schemas().1)?;
    let value = item(specs.get(&key).map(String::as_str))?;
    T::check(&specs)?;
    let answer = json!({key.clone(): value});
    let edit = move |t: &mut T| {
        t.specs_mut().insert(key.clone(), value.clone());
        Ok(())
    };
    kinds::update(&service, &cx, T::RULES.update, &id, edit).await?;
    Ok(http::ok(&answer))
}

async fn remove<T: Served>(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path((id, key)): Path<(String, String)>,
) -> ApiResult {
    since(&cx, T::SINCE)?;
    let wanted = id.clone();
    let edit = move |t: &mut T| t.specs_mut().remove(&key).map(drop).ok_or_else(|| T::no_spec(&wanted, &key));
    kinds::update(&service, &cx, T::RULES.delete, &id, edit).await?;
    Ok(http::accepted())
}

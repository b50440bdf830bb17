//! `/os-keypairs`

use super::{
    check_query, checked, path_of,
    schema::{by_version, name, object, only, paging, pattern, query, words},
};
use crate::{
    Compute,
    model::Keypair,
    ops::keypairs::{self, NewKeypair},
};
use http::{
    ApiResult, ApiRouter, BaseUrl, Cx, JsonBody, Params, Path, State, StatusCode, accepted, json_response, no_content,
    ok,
};
use kernel::Ctx;
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) fn routes() -> ApiRouter<Compute> {
    const ALL: &str = "/v2.1/os-keypairs";
    const ONE: &str = "/v2.1/os-keypairs/{keypair_name}";
    ApiRouter::new().get(ALL, list).post(ALL, create).get(ONE, show).delete(ONE, delete)
}

by_version! {
    CREATE = create_schema: 1, 2, 10, 92;
    LIST = list_schema: 1, 10, 35, 75;
    OF_USER = of_user_schema: 1, 10, 75;
}

fn create_schema(minor: u16) -> Value {
    let characters = if minor >= 92 { "^[_\\-\\@\\. a-zA-Z0-9]+$" } else { "^[_\\- a-zA-Z0-9]+$" };
    let name = json!({"allOf": [name(), pattern(characters, 1, 255)]});
    let mut properties = json!({"name": name, "public_key": {"type": "string"}});
    if minor >= 2 {
        properties["type"] = json!({"type": "string", "enum": ["ssh", "x509"]});
    }
    if minor >= 10 {
        properties["user_id"] = json!({"type": "string"});
    }
    let required: &[&str] = if minor >= 92 { &["name", "public_key"] } else { &["name"] };
    only("keypair", object(properties, required))
}

fn list_schema(minor: u16) -> Value {
    let mut properties = json!({});
    if minor >= 10 {
        properties["user_id"] = words();
    }
    if minor >= 35 {
        paging(&mut properties);
    }
    query(properties, minor < 75)
}

fn of_user_schema(minor: u16) -> Value {
    let properties = if minor >= 10 { json!({"user_id": words()}) } else { json!({}) };
    query(properties, minor < 75)
}

fn view(cx: &Ctx, k: &Keypair) -> Value {
    let mut view = json!({"name": k.name, "public_key": k.public, "fingerprint": k.fingerprint});
    if cx.version.since(2, 2) {
        view["type"] = k.kind.as_str().into();
    }
    view
}

async fn list(State(c): State<Compute>, Cx(cx): Cx, params: Params, base: BaseUrl) -> ApiResult {
    check_query(&cx, &params, LIST)?;
    let (found, full) = keypairs::list(&c, &cx, &params).await?;
    let mut body = json!({"keypairs": found.iter().map(|k| json!({"keypair": view(&cx, k)})).collect::<Vec<_>>()});
    let last = found.last().filter(|_| full && cx.version.since(2, 35)).map(|k| k.name.as_str());
    super::with_next(&mut body, "keypairs_links", &base, &path_of("os-keypairs"), &params, last);
    Ok(ok(&body))
}

async fn show(State(c): State<Compute>, Cx(cx): Cx, Path(name): Path<String>, params: Params) -> ApiResult {
    check_query(&cx, &params, OF_USER)?;
    let found = keypairs::show(&c, &cx, &name, params.get("user_id")).await?;
    let mut view = view(&cx, &found);
    view["user_id"] = json!(found.user);
    view["id"] = found.number.into();
    view["created_at"] = found.created.iso_micros().into();
    view["deleted"] = false.into();
    (view["deleted_at"], view["updated_at"]) = (Value::Null, Value::Null);
    Ok(ok(&json!({"keypair": view})))
}

#[derive(Deserialize)]
struct CreateBody {
    keypair: NewKeypair,
}

async fn create(State(c): State<Compute>, Cx(cx): Cx, body: JsonBody) -> ApiResult {
    let CreateBody { keypair } = checked(&cx, body, CREATE)?;
    let (created, private) = keypairs::create(&c, &cx, keypair).await?;
    let mut view = view(&cx, &created);
    view["user_id"] = json!(created.user);
    if let Some(private) = private {
        view["private_key"] = private.into();
    }
    let status = if cx.version.since(2, 2) { StatusCode::CREATED } else { StatusCode::OK };
    Ok(json_response(status, &json!({"keypair": view})))
}

async fn delete(State(c): State<Compute>, Cx(cx): Cx, Path(name): Path<String>, params: Params) -> ApiResult {
    check_query(&cx, &params, OF_USER)?;
    keypairs::delete(&c, &cx, &name, params.get("user_id")).await?;
    Ok(if cx.version.since(2, 2) { no_content() } else { accepted() })
}

//! `/v3/users/{id}/credentials/OS-EC2`, `/v3/ec2tokens` and `/v3/s3tokens`

use super::{
    at::At,
    schemas, tokens,
    views::{self, created, member},
};
use crate::{
    Identity,
    ops::{
        ec2_credentials as ec2,
        ec2_tokens::{self, Request, Signer},
    },
};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Path, Response, State, StatusCode, no_content};
use kernel::Result;
use serde_json::{Map, Value};

pub(super) fn routes() -> ApiRouter<Identity> {
    let all = "/v3/users/{user_id}/credentials/OS-EC2";
    let one = "/v3/users/{user_id}/credentials/OS-EC2/{credential_id}";
    ApiRouter::new()
        .get(all, list)
        .post(all, create)
        .get(one, show)
        .delete(one, delete)
        .post("/v3/ec2tokens", ec2_token)
        .post("/v3/s3tokens", s3_token)
}

async fn list(State(id): State<Identity>, Cx(cx): Cx, at: At, Path(user): Path<String>) -> ApiResult {
    let found = ec2::list(&id, &cx, &user)?;
    let views: Vec<_> = found.iter().map(|one| views::ec2(&at, one)).collect();
    Ok(views::collection(&at, "credentials", &views, None))
}

async fn create(State(id): State<Identity>, Cx(cx): Cx, at: At, Path(user): Path<String>, body: JsonBody) -> ApiResult {
    schemas::EC2_CREATE.check_keystone(&body.0)?;
    let made = ec2::create(&id, &cx, &user, body.0["tenant_id"].as_str()).await?;
    Ok(created("credential", views::ec2(&at, &made)))
}

async fn show(State(id): State<Identity>, Cx(cx): Cx, at: At, Path((user, key)): Path<(String, String)>) -> ApiResult {
    let found = ec2::show(&id, &cx, &user, &key)?;
    Ok(member("credential", views::ec2(&at, &found)))
}

async fn delete(State(id): State<Identity>, Cx(cx): Cx, Path((user, key)): Path<(String, String)>) -> ApiResult {
    ec2::delete(&id, &cx, &user, &key).await?;
    Ok(no_content())
}

async fn ec2_token(State(id): State<Identity>, Cx(cx): Cx, at: At, body: JsonBody) -> ApiResult {
    let issued = ec2_tokens::authenticate(&id, &cx, Signer::Ec2, &request(body)?).await?;
    tokens::answer(&id, StatusCode::OK, &issued.sealed, &issued.token, &at.params)
}

/// Whoever asks learns whose request it is, but gets no token that it could use.
async fn s3_token(State(id): State<Identity>, Cx(cx): Cx, at: At, body: JsonBody) -> ApiResult {
    let issued = ec2_tokens::authenticate(&id, &cx, Signer::S3, &request(body)?).await?;
    let mut response: Response = tokens::answer(&id, StatusCode::OK, &issued.sealed, &issued.token, &at.params)?;
    response.headers_mut().remove(tokens::X_SUBJECT_TOKEN);
    Ok(response)
}

fn request(mut body: JsonBody) -> Result<Request> {
    schemas::EC2_SIGNED.check_keystone(&body.0)?;
    let named = ["credentials", "credential", "ec2Credentials"].into_iter();
    let mut found = named.filter_map(|name| match body.0.get_mut(name).map(Value::take) {
        Some(Value::Object(parts)) => Some(parts),
        _ => None,
    });
    Ok(Request(found.next().unwrap_or_else(Map::new)))
}

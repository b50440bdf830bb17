//! `/v3/OS-OAUTH1`, and users' access tokens

use super::{
    at::At,
    crud::handlers,
    read::{member as read, new_member as read_new},
    schemas,
    views::{self, all, created, listed, member},
};
use crate::{
    Identity,
    ops::{
        access_tokens,
        audit::Note,
        consumers,
        oauth1::Signed,
        request_tokens::{self, Created},
    },
};
use http::{
    ApiResult, ApiRouter, Cx, HeaderMap, IntoResponse, JsonBody, Path, RequestInfo, Response, State, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE},
    no_content, ok,
};
use serde_json::json;

type Two = Path<(String, String)>;
type Three = Path<(String, String, String)>;

#[rustfmt::skip]
pub(super) fn routes() -> ApiRouter<Identity> {
    let consumer = "/v3/OS-OAUTH1/consumers/{consumer_id}";
    let token = "/v3/users/{user_id}/OS-OAUTH1/access_tokens/{access_token_id}";
    ApiRouter::new()
        .get("/v3/OS-OAUTH1/consumers", list).post("/v3/OS-OAUTH1/consumers", create)
        .get(consumer, show).patch(consumer, update).delete(consumer, delete)
        .post("/v3/OS-OAUTH1/request_token", request)
        .put("/v3/OS-OAUTH1/authorize/{request_token_id}", authorize)
        .post("/v3/OS-OAUTH1/access_token", exchange)
        .get("/v3/users/{user_id}/OS-OAUTH1/access_tokens", list_tokens)
        .get(token, show_token).delete(token, delete_token)
        .get("/v3/users/{user_id}/OS-OAUTH1/access_tokens/{access_token_id}/roles", roles)
        .get("/v3/users/{user_id}/OS-OAUTH1/access_tokens/{access_token_id}/roles/{role_id}", role)
}

handlers!(consumers, "consumer" in "consumers", views::consumer, |body| &schemas::CONSUMER_UPDATE);

/// The request as whoever signed it saw it.
pub(super) fn signed(at: &At, method: &str, path: &str, headers: &HeaderMap) -> Signed {
    let authorization = headers.get(AUTHORIZATION).and_then(|v| v.to_str().ok());
    Signed::new(method, at.url(path), &at.params.0, authorization)
}

async fn create(State(id): State<Identity>, Cx(cx): Cx, at: At, body: JsonBody) -> ApiResult {
    let (consumer, secret) =
        consumers::create(&id, &cx, read_new(body, &schemas::CONSUMER_CREATE, "consumer")?).await?;
    let mut view = views::consumer(&at, &consumer);
    view.secret = Some(&secret);
    Ok(created("consumer", view))
}

async fn request(State(id): State<Identity>, at: At, info: RequestInfo, headers: HeaderMap) -> ApiResult {
    let project = headers.get("requested-project-id").and_then(|v| v.to_str().ok());
    let request = signed(&at, "POST", "/OS-OAUTH1/request_token", &headers);
    let note = Note::anonymous(id.now(), info.request_id);
    Ok(form(&request_tokens::create(&id, &request, project, note).await?))
}

async fn authorize(State(id): State<Identity>, Cx(cx): Cx, Path(token): Path<String>, body: JsonBody) -> ApiResult {
    let roles: Vec<_> = read(body, &schemas::REQUEST_TOKEN_AUTHORIZE, "roles")?;
    let verifier = request_tokens::authorize(&id, &cx, &token, &roles).await?;
    Ok(ok(&json!({"token": {"oauth_verifier": verifier}})))
}

async fn exchange(State(id): State<Identity>, at: At, info: RequestInfo, headers: HeaderMap) -> ApiResult {
    let request = signed(&at, "POST", "/OS-OAUTH1/access_token", &headers);
    let note = Note::anonymous(id.now(), info.request_id);
    Ok(form(&access_tokens::create(&id, &request, note).await?))
}

/// As RFC 5849 wants it, and Keystone's word of when it ends.
fn form(token: &Created) -> Response {
    let mut text = format!("oauth_token={}&oauth_token_secret={}", token.id, token.secret);
    if let Some(at) = token.expires {
        text.push_str(&format!("&oauth_expires_at={}", at.iso_micros_z()));
    }
    (StatusCode::CREATED, [(CONTENT_TYPE, "application/x-www-form-urlencoded")], text).into_response()
}

async fn list_tokens(State(id): State<Identity>, Cx(cx): Cx, at: At, Path(user): Path<String>) -> ApiResult {
    let query = at.query(access_tokens::FILTERS, id.config().list_limit)?;
    let found = access_tokens::list(&id, &cx, &user, &query)?;
    Ok(listed(&at, "access_tokens", &found, |t| views::access_token(&at, t)))
}

async fn show_token(State(id): State<Identity>, Cx(cx): Cx, at: At, Path((user, token)): Two) -> ApiResult {
    let token = access_tokens::show(&id, &cx, &user, &token)?;
    Ok(member("access_token", views::access_token(&at, &token)))
}

async fn delete_token(State(id): State<Identity>, Cx(cx): Cx, Path((user, token)): Two) -> ApiResult {
    access_tokens::delete(&id, &cx, &user, &token).await?;
    Ok(no_content())
}

async fn roles(State(id): State<Identity>, Cx(cx): Cx, at: At, Path((user, token)): Two) -> ApiResult {
    let found = access_tokens::roles(&id, &cx, &user, &token)?;
    Ok(all(&at, "roles", &found, |r| views::role(&at, r)))
}

async fn role(State(id): State<Identity>, Cx(cx): Cx, at: At, Path((user, token, role)): Three) -> ApiResult {
    let role = access_tokens::role(&id, &cx, &user, &token, &role)?;
    Ok(member("role", views::role(&at, &role)))
}

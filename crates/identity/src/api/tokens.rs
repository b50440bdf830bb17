//! `/v3/auth/tokens`

use super::{at::At, oauth1::signed, schemas, views};
use crate::{
    Identity, Refusal,
    model::ServiceProvider,
    ops::{
        audit::Note,
        catalog as catalog_ops,
        tokens::{self, Around, Auth, Outcome, Purpose, Receipt, Scoped, Subject, Token},
    },
};
use bytes::Bytes;
use http::{
    ApiResult, ApiRouter, Cx, HeaderMap, HeaderName, HeaderValue, JsonBody, Method, Params, RequestInfo, Response,
    State, StatusCode, from_value, json_bytes, json_response, no_content,
};
use kernel::{Error, Result, Timestamp};
use serde::Serialize;
use serde_json::Value;
use store::Snapshot;

pub(super) const X_SUBJECT_TOKEN: HeaderName = HeaderName::from_static("x-subject-token");
const ACCESS_RULES: HeaderName = HeaderName::from_static("openstack-identity-access-rules");
const RECEIPT: HeaderName = HeaderName::from_static("openstack-auth-receipt");

pub(super) fn routes() -> ApiRouter<Identity> {
    let path = "/v3/auth/tokens";
    ApiRouter::new().get("/v3/OS-REVOKE/events", events).get(path, validate).post(path, issue).delete(path, revoke)
}

async fn issue(
    State(id): State<Identity>,
    at: At,
    info: RequestInfo,
    headers: HeaderMap,
    mut body: JsonBody,
) -> ApiResult {
    let auth = body.0.get_mut("auth").map(Value::take);
    let auth = auth.ok_or(Refusal::Missing { attribute: "auth", target: "request body" }).map_err(Error::from)?;
    schemas::AUTH.check_keystone(&auth)?;
    schemas::auth_names(&auth)?;
    let note = Note::anonymous(id.now(), info.request_id);
    let around = Around { note: &note, signed: &signed(&at, "POST", "/auth/tokens", &headers) };
    let receipt = headers.get(&RECEIPT).and_then(|v| v.to_str().ok());
    match tokens::issue(&id, from_value::<Auth>(auth)?, receipt, around).await? {
        Outcome::Token(issued) => answer(&id, StatusCode::CREATED, &issued.sealed, &issued.token, &at.params),
        Outcome::More(receipt) => more(&receipt),
    }
}

async fn validate(
    State(id): State<Identity>,
    Cx(cx): Cx,
    method: Method,
    headers: HeaderMap,
    params: Params,
) -> ApiResult {
    let subject = subject(&headers, &params)?;
    let purpose = if method == Method::HEAD { Purpose::Check } else { Purpose::Validate };
    let (found, _) = tokens::show(&id, &cx, &subject, purpose)?;
    let (view, sealed) = (id.view(), subject.token.unwrap_or_default());
    let body = match Listed::asked(&params) {
        Listed::Services => found.written(&view, || written(&view, &found.token, Listed::Services))?,
        Listed::Nothing => written(&view, &found.token, Listed::Nothing)?,
    };
    Ok(with_header(json_bytes(StatusCode::OK, body), X_SUBJECT_TOKEN, sealed)?)
}

async fn revoke(State(id): State<Identity>, Cx(cx): Cx, headers: HeaderMap, params: Params) -> ApiResult {
    let cascade = params.get("cascade").is_none_or(|text| !is_false(text));
    tokens::revoke(&id, &cx, &subject(&headers, &params)?, cascade).await?;
    Ok(no_content())
}

async fn events(State(id): State<Identity>, Cx(cx): Cx, at: At) -> ApiResult {
    let since = match at.params.get("since") {
        None => None,
        Some(text) => {
            let invalid = || Refusal::Invalid(format!("invalid date format {text}"));
            Some(Timestamp::parse(text).ok_or_else(invalid).map_err(Error::from)?)
        }
    };
    let found = tokens::events(&id, &cx, since)?;
    let events: Vec<_> = found.iter().map(|r| views::revocation(r)).collect();
    Ok(views::collection(&at, "events", &events, None))
}

fn is_false(text: &str) -> bool {
    matches!(text.trim().to_ascii_lowercase().as_str(), "0" | "f" | "false" | "off" | "n" | "no")
}

fn is_true(text: &str) -> bool {
    matches!(text.trim().to_ascii_lowercase().as_str(), "1" | "t" | "true" | "on" | "y" | "yes")
}

fn subject<'a>(headers: &'a HeaderMap, params: &Params) -> Result<Subject<'a>> {
    let text = |name: &HeaderName| headers.get(name).and_then(|v| v.to_str().ok());
    let rules = text(&ACCESS_RULES).and_then(|v| v.trim().parse::<f64>().ok());
    Ok(Subject {
        token: text(&X_SUBJECT_TOKEN),
        allow_expired: params.get("allow_expired").is_some_and(is_true),
        knows_access_rules: rules.is_some_and(|version| version >= 1.0),
    })
}

/// The token's body, with the token itself in the header.
pub(super) fn answer(id: &Identity, status: StatusCode, sealed: &str, token: &Token, params: &Params) -> ApiResult {
    let body = written(&id.view(), token, Listed::asked(params))?;
    Ok(with_header(json_bytes(status, body), X_SUBJECT_TOKEN, sealed)?)
}

/// What of the catalog a token's body lists.
#[derive(Clone, Copy)]
enum Listed {
    Services,
    Nothing,
}

impl Listed {
    fn asked(params: &Params) -> Self {
        if params.has("nocatalog") { Self::Nothing } else { Self::Services }
    }
}

fn written(view: &Snapshot, token: &Token, listed: Listed) -> Result<Bytes> {
    #[derive(Serialize)]
    struct Whole<'a> {
        token: views::TokenView<'a>,
    }
    let project = token.scope.project().map(|p| p.id.as_str());
    let entries = match (listed, &token.scope) {
        (Listed::Nothing, _) | (_, Scoped::Unscoped) => None,
        (Listed::Services, _) => Some(catalog_ops::build(view, &token.user.id, project)),
    };
    let providers: Vec<_> = view.all::<ServiceProvider>().filter(|p| p.enabled).collect();
    let whole = Whole { token: views::token(token, entries.as_deref(), &providers) };
    let text = serde_json::to_vec(&whole).map_err(|e| Error::internal("writing a token").with_source(e))?;
    Ok(text.into())
}

/// 401, and what to come back with.
fn more(receipt: &Receipt) -> ApiResult {
    Ok(with_header(json_response(StatusCode::UNAUTHORIZED, &views::receipt(receipt)), RECEIPT, &receipt.sealed)?)
}

fn with_header(mut response: Response, name: HeaderName, text: &str) -> Result<Response> {
    let value = HeaderValue::from_str(text).map_err(|e| Error::internal("sending a token").with_source(e))?;
    response.headers_mut().insert(name, value);
    Ok(response)
}

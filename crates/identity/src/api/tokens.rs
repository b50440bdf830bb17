//! `/v3/auth/tokens`

use super::{
    schemas,
    views::{AccessRuleView, CatalogView, bare_access_rule, catalog},
};
use crate::{
    Identity, Refusal,
    model::Role,
    ops::{
        audit::Note,
        catalog::{self as catalog_ops, Entry},
        tokens::{self, Auth, Purpose, Scoped, Subject, Token},
    },
};
use http::{
    ApiResult, ApiRouter, Cx, HeaderMap, HeaderName, HeaderValue, JsonBody, Method, Params, RequestInfo, Response,
    State, StatusCode, from_value, json_response, no_content,
};
use kernel::{Error, Result};
use serde::Serialize;
use serde_json::{Value, json};

pub(super) const X_SUBJECT_TOKEN: HeaderName = HeaderName::from_static("x-subject-token");
const ACCESS_RULES: HeaderName = HeaderName::from_static("openstack-identity-access-rules");

pub(super) fn routes() -> ApiRouter<Identity> {
    let path = "/v3/auth/tokens";
    ApiRouter::new().post(path, issue).get(path, validate).delete(path, revoke)
}

async fn issue(State(id): State<Identity>, info: RequestInfo, params: Params, mut body: JsonBody) -> ApiResult {
    let auth = body.0.get_mut("auth").map(Value::take);
    let auth = auth.ok_or(Refusal::Missing { attribute: "auth", target: "request body" }).map_err(Error::from)?;
    schemas::AUTH.check_keystone(&auth)?;
    schemas::auth_names(&auth)?;
    let note = Note::anonymous(id.now(), info.request_id);
    let issued = tokens::issue(&id, from_value::<Auth>(auth)?, note).await?;
    answer(&id, StatusCode::CREATED, &issued.sealed, &issued.token, &params)
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
    let (token, _) = tokens::show(&id, &cx, &subject, purpose)?;
    answer(&id, StatusCode::OK, subject.token.unwrap_or_default(), &token, &params)
}

async fn revoke(State(id): State<Identity>, Cx(cx): Cx, headers: HeaderMap, params: Params) -> ApiResult {
    let cascade = params.get("cascade").is_none_or(|text| !is_false(text));
    tokens::revoke(&id, &cx, &subject(&headers, &params)?, cascade).await?;
    Ok(no_content())
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
fn answer(id: &Identity, status: StatusCode, sealed: &str, token: &Token, params: &Params) -> ApiResult {
    let scoped = !matches!(token.scope, Scoped::Unscoped);
    let project = token.scope.project().map(|p| p.id.as_str());
    let entries = (scoped && !params.has("nocatalog")).then(|| catalog_ops::build(&id.view(), &token.user.id, project));
    let mut response: Response = json_response(status, &json!({"token": view(token, entries.as_deref())}));
    let value = HeaderValue::from_str(sealed).map_err(|e| Error::internal("sending a token").with_source(e))?;
    response.headers_mut().insert(X_SUBJECT_TOKEN, value);
    Ok(response)
}

#[derive(Serialize)]
struct TokenView<'a> {
    methods: Vec<&'static str>,
    user: Value,
    audit_ids: &'a [String],
    expires_at: String,
    issued_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    roles: Option<Vec<Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_domain: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    catalog: Option<Vec<CatalogView<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    application_credential: Option<AppCredPart<'a>>,
}

#[derive(Serialize)]
struct AppCredPart<'a> {
    id: &'a str,
    name: &'a str,
    restricted: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    access_rules: Vec<AccessRuleView<'a>>,
}

fn view<'a>(token: &'a Token, entries: Option<&'a [Entry]>) -> TokenView<'a> {
    let (payload, user) = (&token.payload, &token.user);
    let (mut system, mut domain, mut project, mut is_domain) = (None, None, None, None);
    match &token.scope {
        Scoped::Unscoped => {}
        Scoped::System => system = Some(json!({"all": true})),
        Scoped::Domain(of) => domain = Some(json!({"id": of.id, "name": of.name})),
        Scoped::Project { project: of, domain: above } => {
            let domain = json!({"id": above.id, "name": above.name});
            project = Some(json!({"domain": domain, "id": of.id, "name": of.name}));
            is_domain = Some(of.is_domain());
        }
    }
    let scoped = !matches!(token.scope, Scoped::Unscoped);
    let role = |r: &std::sync::Arc<Role>| json!({"id": r.id, "name": r.name});
    TokenView {
        methods: payload.methods.iter().map(|m| m.as_str()).collect(),
        user: json!({
            "domain": {"id": token.user_domain.id, "name": token.user_domain.name},
            "id": user.id,
            "name": user.name,
            "password_expires_at": user.password_expires().map(|t| t.iso_micros()),
        }),
        audit_ids: &payload.audit_ids,
        expires_at: payload.expires.iso_micros_z(),
        issued_at: payload.issued.iso_micros_z(),
        roles: scoped.then(|| token.roles.iter().map(role).collect()),
        system,
        domain,
        project,
        is_domain,
        catalog: entries.map(catalog),
        application_credential: token.app_cred.as_ref().map(|a| AppCredPart {
            id: &a.id,
            name: &a.name,
            restricted: !a.unrestricted,
            access_rules: token.access_rules.iter().flatten().map(|r| bare_access_rule(r)).collect(),
        }),
    }
}

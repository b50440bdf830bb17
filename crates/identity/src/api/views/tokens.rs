//! Tokens, and receipts on the way to one.

use super::{AccessRuleView, CatalogView, bare_access_rule, catalog};
use crate::{
    model::{Revocation, Role, ServiceProvider, revocation::Subject, token::Method},
    ops::{
        catalog::Entry,
        tokens::{Loan, Receipt, Scoped, Token},
    },
};
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(Serialize)]
pub(in crate::api) struct TokenView<'a> {
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
    /// Clouds that the user may go to from here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    service_providers: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    application_credential: Option<AppCredPart<'a>>,
    #[serde(rename = "OS-TRUST:trust", skip_serializing_if = "Option::is_none")]
    trust: Option<Value>,
    #[serde(rename = "OS-OAUTH1", skip_serializing_if = "Option::is_none")]
    oauth1: Option<Value>,
}

#[derive(Serialize)]
struct AppCredPart<'a> {
    id: &'a str,
    name: &'a str,
    restricted: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    access_rules: Vec<AccessRuleView<'a>>,
}

pub(in crate::api) fn token<'a>(
    token: &'a Token,
    entries: Option<&'a [Entry]>,
    providers: &[Arc<ServiceProvider>],
) -> TokenView<'a> {
    let payload = &token.payload;
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
    let role = |r: &Arc<Role>| json!({"id": r.id, "name": r.name});
    let provider = |p: &Arc<ServiceProvider>| json!({"id": p.id, "auth_url": p.auth_url, "sp_url": p.sp_url});
    let (application_credential, trust, oauth1) = loan(&token.loan);
    TokenView {
        methods: names(&payload.methods),
        user: user(token),
        audit_ids: &payload.audit_ids,
        expires_at: payload.expires.iso_micros_z(),
        issued_at: payload.issued.iso_micros_z(),
        roles: scoped.then(|| token.roles.iter().map(role).collect()),
        system,
        domain,
        project,
        is_domain,
        catalog: entries.map(catalog),
        service_providers: providers.iter().map(provider).collect(),
        application_credential,
        trust,
        oauth1,
    }
}

fn names(methods: &[Method]) -> Vec<&'static str> {
    methods.iter().map(|m| m.as_str()).collect()
}

fn user(token: &Token) -> Value {
    let user = &token.user;
    json!({
        "domain": {"id": token.user_domain.id, "name": token.user_domain.name},
        "id": user.id,
        "name": user.name,
        "password_expires_at": user.password_expires().map(|t| t.iso_micros()),
    })
}

/// Where its powers come from: at most one of the three.
fn loan(loan: &Loan) -> (Option<AppCredPart<'_>>, Option<Value>, Option<Value>) {
    match loan {
        Loan::None => (None, None, None),
        Loan::ApplicationCredential(a, rules) => {
            let access_rules = rules.iter().flatten().map(|r| bare_access_rule(r)).collect();
            (Some(AppCredPart { id: &a.id, name: &a.name, restricted: !a.unrestricted, access_rules }), None, None)
        }
        Loan::Trust(trust) => {
            let view = json!({
                "id": trust.id,
                "impersonation": trust.impersonation,
                "trustor_user": {"id": trust.trustor},
                "trustee_user": {"id": trust.trustee},
            });
            (None, Some(view), None)
        }
        Loan::AccessToken(token) => {
            (None, None, Some(json!({"access_token_id": token.id, "consumer_id": token.consumer})))
        }
    }
}

/// What is still missing, beside the receipt for what is not.
pub(in crate::api) fn receipt(receipt: &Receipt) -> Value {
    let (content, user, domain) = (&receipt.content, &receipt.user, &receipt.user_domain);
    json!({
        "receipt": {
            "methods": names(&content.methods),
            "user": {"id": user.id, "name": user.name, "domain": {"id": domain.id, "name": domain.name}},
            "expires_at": content.expires.iso_micros_z(),
            "issued_at": content.issued.iso_micros_z(),
        },
        "required_auth_methods": receipt.rules.iter().map(|rule| names(rule)).collect::<Vec<_>>(),
    })
}

/// What of a token makes it void.
pub(in crate::api) fn revocation(revocation: &Revocation) -> Value {
    let (name, value) = match &revocation.subject {
        Subject::Token(audit) => ("audit_id", audit.as_str()),
        Subject::Chain(audit) => ("audit_chain_id", audit.as_str()),
        Subject::User(id) => ("user_id", id.as_str()),
    };
    let before = revocation.issued_before.iso_micros_z();
    json!({name: value, "issued_before": before, "revoked_at": before})
}

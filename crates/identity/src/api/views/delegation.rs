//! What lends powers: trusts, OAuth consumers and access tokens, EC2 credentials.

use super::{Extra, Links, RoleView, role};
use crate::{
    api::at::At,
    model::{AccessToken, Consumer, Trust},
    ops::{ec2_credentials::Ec2, trusts::Full},
};
use serde::Serialize;
use serde_json::{Value, json};

#[derive(Serialize)]
pub(in crate::api) struct ConsumerView<'a> {
    id: &'a str,
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) secret: Option<&'a str>,
    links: Links,
    #[serde(flatten)]
    extra: &'a Extra,
}

pub(in crate::api) fn consumer<'a>(at: &At, consumer: &'a Consumer) -> ConsumerView<'a> {
    ConsumerView {
        id: &consumer.id,
        description: consumer.description.as_deref(),
        secret: None,
        links: Links::to(at, "OS-OAUTH1/consumers", &consumer.id),
        extra: &consumer.extra,
    }
}

#[derive(Serialize)]
pub(in crate::api) struct AccessTokenView<'a> {
    id: &'a str,
    consumer_id: &'a str,
    project_id: &'a str,
    authorizing_user_id: &'a str,
    expires_at: Option<String>,
    links: Value,
}

pub(in crate::api) fn access_token<'a>(at: &At, token: &'a AccessToken) -> AccessTokenView<'a> {
    let own = at.url(&format!("/users/{}/OS-OAUTH1/access_tokens/{}", token.user, token.id));
    AccessTokenView {
        id: &token.id,
        consumer_id: &token.consumer,
        project_id: &token.project,
        authorizing_user_id: &token.user,
        expires_at: token.expires.map(|t| t.iso_micros_z()),
        links: json!({"self": own, "roles": format!("{own}/roles")}),
    }
}

#[derive(Serialize)]
pub(in crate::api) struct TrustView<'a> {
    id: &'a str,
    trustor_user_id: &'a str,
    trustee_user_id: &'a str,
    project_id: Option<&'a str>,
    impersonation: bool,
    expires_at: Option<String>,
    deleted_at: Option<String>,
    remaining_uses: Option<u64>,
    redelegation_count: u32,
    redelegated_trust_id: Option<&'a str>,
    links: Links,
    /// Lists are without.
    #[serde(skip_serializing_if = "Option::is_none")]
    roles: Option<Vec<RoleView<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    roles_links: Option<Value>,
}

pub(in crate::api) fn listed_trust<'a>(at: &At, trust: &'a Trust) -> TrustView<'a> {
    TrustView {
        id: &trust.id,
        trustor_user_id: &trust.trustor,
        trustee_user_id: &trust.trustee,
        project_id: trust.project.as_deref(),
        impersonation: trust.impersonation,
        expires_at: trust.expires.map(|t| t.iso_micros_z()),
        deleted_at: None,
        remaining_uses: trust.remaining_uses,
        redelegation_count: trust.redelegation_count,
        redelegated_trust_id: trust.parent.as_deref(),
        links: Links::to(at, "OS-TRUST/trusts", &trust.id),
        roles: None,
        roles_links: None,
    }
}

pub(in crate::api) fn trust<'a>(at: &At, full: &'a Full) -> TrustView<'a> {
    TrustView {
        roles: Some(full.roles.iter().map(|r| role(at, r)).collect()),
        roles_links: Some(trust_roles_links(at, &full.trust)),
        ..listed_trust(at, &full.trust)
    }
}

pub(in crate::api) fn trust_roles_links(at: &At, trust: &Trust) -> Value {
    json!({"self": at.url(&format!("/OS-TRUST/trusts/{}/roles", trust.id)), "next": null, "previous": null})
}

#[derive(Serialize)]
pub(in crate::api) struct Ec2View<'a> {
    user_id: &'a str,
    tenant_id: Option<&'a str>,
    access: &'a str,
    secret: &'a str,
    trust_id: Option<&'a str>,
    links: Links,
}

pub(in crate::api) fn ec2<'a>(at: &At, of: &'a Ec2) -> Ec2View<'a> {
    let user = &of.credential.user;
    Ec2View {
        user_id: user,
        tenant_id: of.credential.project.as_deref(),
        access: &of.blob.access,
        secret: &of.blob.secret,
        trust_id: of.blob.trust_id.as_deref(),
        links: Links::to(at, &format!("users/{user}/credentials/OS-EC2"), &of.blob.access),
    }
}

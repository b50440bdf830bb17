//! A token's text: sealed (Fernet, the default) or signed (JWS). Both are taken; which is given is a setting, so that it can
//! be changed while tokens of the other form are in use.
//!
//! Claims have Keystone's names. Times are numbers of seconds with a fraction (RFC 7519's NumericDate), since what is revoked
//! is told by the microsecond.

use crate::{
    Identity,
    config::TokenFormat,
    model::{
        Purpose,
        token::{Lender, Method, Payload, ScopeId},
    },
};
use kernel::{Error, Result, Timestamp};
use serde::{Deserialize, Serialize};
use store::Snapshot;

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: String,
    iat: f64,
    exp: f64,
    openstack_methods: Vec<String>,
    openstack_audit_ids: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    openstack_system: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    openstack_domain_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    openstack_project_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    openstack_trust_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    openstack_app_cred_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    openstack_access_token_id: Option<String>,
}

pub(super) fn write(id: &Identity, view: &Snapshot, payload: &Payload) -> Result<String> {
    match id.config().tokens.format {
        TokenFormat::Fernet => id.rings().seal(view, Purpose::Tokens, &payload.encode()),
        TokenFormat::Jws => {
            let claims = serde_json::to_vec(&claims(payload));
            id.rings().sign(view, &claims.map_err(|e| Error::internal("writing a token's claims").with_source(e))?)
        }
    }
}

/// `None`: not a token of ours.
pub(super) fn read(id: &Identity, view: &Snapshot, text: &str) -> Result<Option<Payload>> {
    // Base64 has no full stop.
    if !text.contains('.') {
        return Ok(id.rings().open(view, Purpose::Tokens, text)?.and_then(|octets| Payload::decode(&octets)));
    }
    let claims = id.rings().verify(view, text)?;
    Ok(claims.and_then(|claims| serde_json::from_slice(&claims).ok()).and_then(payload))
}

fn claims(payload: &Payload) -> Claims {
    let (mut system, mut domain, mut project) = (None, None, None);
    match &payload.scope {
        ScopeId::Unscoped => {}
        ScopeId::System => system = Some("all".to_owned()),
        ScopeId::Domain(id) => domain = Some(id.to_string()),
        ScopeId::Project(id) => project = Some(id.to_string()),
    }
    let (mut app_cred, mut trust, mut access_token) = (None, None, None);
    match &payload.lender {
        None => {}
        Some(Lender::ApplicationCredential(id)) => app_cred = Some(id.to_string()),
        Some(Lender::Trust(id)) => trust = Some(id.to_string()),
        Some(Lender::AccessToken(id)) => access_token = Some(id.to_string()),
    }
    Claims {
        sub: payload.user.to_string(),
        iat: seconds(payload.issued),
        exp: seconds(payload.expires),
        openstack_methods: payload.methods.iter().map(|m| m.as_str().to_owned()).collect(),
        openstack_audit_ids: payload.audit_ids.clone(),
        openstack_system: system,
        openstack_domain_id: domain,
        openstack_project_id: project,
        openstack_trust_id: trust,
        openstack_app_cred_id: app_cred,
        openstack_access_token_id: access_token,
    }
}

fn payload(claims: Claims) -> Option<Payload> {
    let scope = match (claims.openstack_system, claims.openstack_domain_id, claims.openstack_project_id) {
        (None, None, None) => ScopeId::Unscoped,
        (Some(_), None, None) => ScopeId::System,
        (None, Some(id), None) => ScopeId::Domain(id.into()),
        (None, None, Some(id)) => ScopeId::Project(id.into()),
        _ => return None,
    };
    let lender = match (claims.openstack_app_cred_id, claims.openstack_trust_id, claims.openstack_access_token_id) {
        (None, None, None) => None,
        (Some(id), None, None) => Some(Lender::ApplicationCredential(id.into())),
        (None, Some(id), None) => Some(Lender::Trust(id.into())),
        (None, None, Some(id)) => Some(Lender::AccessToken(id.into())),
        _ => return None,
    };
    let methods = claims.openstack_methods.iter().map(|name| Method::named(name)).collect::<Option<_>>()?;
    (1..=2).contains(&claims.openstack_audit_ids.len()).then_some(Payload {
        user: claims.sub.into(),
        methods,
        issued: moment(claims.iat)?,
        expires: moment(claims.exp)?,
        scope,
        audit_ids: claims.openstack_audit_ids,
        lender,
    })
}

/// Exact to the microsecond for some 280 years around 1970: a double has 53 bits.
#[expect(clippy::cast_precision_loss, reason = "see above")]
fn seconds(at: Timestamp) -> f64 {
    at.micros() as f64 / 1e6
}

#[expect(clippy::cast_possible_truncation, reason = "the bound is below 2^53")]
fn moment(seconds: f64) -> Option<Timestamp> {
    let micros = (seconds * 1e6).round();
    (micros.abs() < 9e15).then(|| Timestamp::from_micros(micros as i64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::token::audit_id;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn claims_say_what_the_payload_says(
            micros in 0i64..4_000_000_000_000_000,
            scope in 0..4,
            lender in 0..4,
            methods in proptest::sample::subsequence(Method::ALL.to_vec(), 0..=8),
            audits in 1usize..=2,
        ) {
            let whole = Payload {
                user: "u".into(),
                methods,
                issued: Timestamp::from_micros(micros),
                expires: Timestamp::from_micros(micros + 3_600_000_001),
                scope: match scope {
                    0 => ScopeId::Unscoped,
                    1 => ScopeId::System,
                    2 => ScopeId::Domain("d".into()),
                    _ => ScopeId::Project("p".into()),
                },
                audit_ids: (0..audits).map(|_| audit_id([7; 16])).collect(),
                lender: match lender {
                    0 => None,
                    1 => Some(Lender::ApplicationCredential("a".into())),
                    2 => Some(Lender::Trust("t".into())),
                    _ => Some(Lender::AccessToken("o".into())),
                },
            };
            let text = serde_json::to_string(&claims(&whole)).unwrap();
            prop_assert_eq!(payload(serde_json::from_str(&text).unwrap()), Some(whole));
        }
    }

    #[test]
    fn claims_that_contradict_themselves_are_none() {
        let check = |more: &str, expect: bool| {
            let text = format!(
                r#"{{"sub":"u","iat":1,"exp":2,"openstack_methods":["password"],"openstack_audit_ids":["a"]{more}}}"#
            );
            assert_eq!(payload(serde_json::from_str(&text).unwrap()).is_some(), expect, "{text}");
        };
        check("", true);
        check(r#","openstack_project_id":"p""#, true);
        check(r#","openstack_project_id":"p","openstack_domain_id":"d""#, false);
        check(r#","openstack_trust_id":"t","openstack_app_cred_id":"a""#, false);
        assert_eq!(moment(f64::NAN), None);
        assert_eq!(moment(1e300), None);
    }
}

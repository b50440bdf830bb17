use super::signature::{Parts, sign_s3};
use crate::{
    Identity, Refusal,
    model::{
        AccessToken, ApplicationCredential, Trust, project,
        token::{Lender, Method, ScopeId},
        user,
    },
    ops::{
        audit::Note,
        ec2_credentials::{Blob, Ec2, by_access_key},
        tokens::{
            self, Asked, Issued,
            methods::{Lent, Proven},
        },
    },
    policy::{
        Authorize,
        ec2::{EC2TOKENS_VALIDATE, S3TOKENS_VALIDATE},
    },
};
use kernel::{Ctx, Result, Timestamp};
use serde_json::{Map, Value};
use std::time::Duration;
use store::Snapshot;

/// How long after its signing a request still counts (Keystone's default).
const LIFETIME: Duration = Duration::from_secs(15 * 60);

/// What the asking service serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signer {
    Ec2,
    S3,
}

/// `{"credentials": {…}}`, or what other names clients have for it.
pub struct Request(pub Map<String, Value>);

/// A token for whose credential signed the request that the caller describes.
pub async fn authenticate(id: &Identity, cx: &Ctx, signer: Signer, request: &Request) -> Result<Issued> {
    let rule = match signer {
        Signer::Ec2 => &EC2TOKENS_VALIDATE,
        Signer::S3 => &S3TOKENS_VALIDATE,
    };
    let _ = cx.authorize(rule, &())?;
    let credentials = &request.0;
    let access = credentials.get("access").and_then(Value::as_str);
    let access = access.ok_or(Refusal::Unauthorized("no EC2 signature was given"))?;
    let view = id.view();
    let found = by_access_key(id, &view, access)?;
    let found = found.ok_or_else(|| Refusal::Absent("EC2 access key not found.".into()))?;
    verify(signer, credentials, &found.blob.secret)?;
    let parts = Parts::read(credentials);
    fresh(parts.timestamp(), id.now())?;
    let proven = proven(id, &view, &found)?;
    let note = Note::of(cx);
    let (who, logged) = (proven.user.id.clone(), note.clone());
    id.store().transact("identity.login", move |tx| logged.login(tx, &who, "success", None)).await?;
    tokens::mint(id, proven, &Asked::Unscoped, note.at())
}

fn verify(signer: Signer, credentials: &Map<String, Value>, secret: &str) -> Result<(), Refusal> {
    let given = credentials.get("signature").and_then(Value::as_str).filter(|s| !s.is_empty());
    let given = given.ok_or(Refusal::Unauthorized("no EC2 signature was given"))?;
    let fits = |signed: Option<String>| signed.is_some_and(|signed| same(&signed, given));
    let right = match signer {
        Signer::S3 => {
            let token = credentials.get("token").and_then(Value::as_str).unwrap_or_default();
            fits(sign_s3(secret, token))
        }
        Signer::Ec2 => {
            let parts = Parts::read(credentials);
            // Some clients sign without the port.
            let bare = parts.host.rsplit_once(':').map_or(parts.host, |(host, _)| host);
            fits(parts.sign(secret)) || fits(Parts { host: bare, ..parts }.sign(secret))
        }
    };
    if right { Ok(()) } else { Err(Refusal::Unauthorized("invalid EC2 signature")) }
}

fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |diff, (x, y)| diff | (x ^ y)) == 0
}

/// A request that does not say when it was signed has been signed so on purpose.
fn fresh(timestamp: Option<&str>, now: Timestamp) -> Result<(), Refusal> {
    let Some(text) = timestamp else { return Ok(()) };
    let at = Timestamp::parse(text).or_else(|| Timestamp::parse(&spread(text)?));
    match at {
        None => Err(Refusal::Unauthorized("the credential's timestamp is invalid")),
        Some(at) if now > at.plus(LIFETIME) => Err(Refusal::Unauthorized("the credential is expired")),
        Some(_) => Ok(()),
    }
}

/// `20150830T123600Z` as `2015-08-30T12:36:00Z`.
fn spread(text: &str) -> Option<String> {
    let basic = text.len() == 16 && text.is_ascii() && text.as_bytes()[8] == b'T' && text.ends_with('Z');
    let part = |from: usize, to: usize| &text[from..to];
    basic.then(|| {
        let (day, time) =
            ([part(0, 4), part(4, 6), part(6, 8)].join("-"), [part(9, 11), part(11, 13), part(13, 15)].join(":"));
        format!("{day}T{time}Z")
    })
}

/// Whom the credential stands for, with what it was limited to when it was made.
fn proven(id: &Identity, view: &Snapshot, found: &Ec2) -> Result<Proven> {
    let refuse = Refusal::Unauthorized;
    let (credential, blob) = (&found.credential, &found.blob);
    let project = credential.project.clone().ok_or(refuse("the EC2 credential has no project"))?;
    project::find(view, &project).ok_or_else(|| Refusal::not_found("project", project.as_str()))?;
    let inactive_days = id.config().passwords.disable_after_inactive_days;
    let by = lender(view, blob, id.now(), &project)?;
    // A trust's credential made while impersonating names the trustor; who logs in is the trustee.
    let login = match &by {
        Some(Lender::Trust(trust)) => view.get::<Trust>(trust).map(|trust| trust.trustee.clone()),
        _ => None,
    };
    let login = login.unwrap_or_else(|| credential.user.clone());
    let user = user::find(view, &login).filter(|u| u.active(inactive_days, id.now()));
    let user = user.ok_or(refuse("the user of the EC2 credential is gone or disabled"))?;
    let scope = ScopeId::Project(project);
    let mut proven = Proven::of(user, Method::Ec2);
    match by {
        Some(by) => {
            let expires = expiry(view, &by);
            proven.lent = Some(Lent { by, scope, expires });
        }
        None => proven.own_scope = Some(scope),
    }
    Ok(proven)
}

fn lender(view: &Snapshot, blob: &Blob, now: Timestamp, project: &str) -> Result<Option<Lender>, Refusal> {
    let refuse = Refusal::Unauthorized;
    if let Some(id) = &blob.trust_id {
        let trust = view.get::<Trust>(id).filter(|trust| trust.usable(now));
        return trust.map(|trust| Some(Lender::Trust(trust.id.clone()))).ok_or(refuse("the trust is gone"));
    }
    if let Some(id) = &blob.app_cred_id {
        let app_cred = view.get::<ApplicationCredential>(id).filter(|a| !a.expired(now) && *a.project == *project);
        let app_cred = app_cred.ok_or(refuse("the application credential is gone, or of another project"))?;
        return Ok(Some(Lender::ApplicationCredential(app_cred.id.clone())));
    }
    if let Some(id) = &blob.access_token_id {
        let token = view.get::<AccessToken>(id).filter(|t| *t.project == *project);
        let token = token.ok_or(refuse("the access token is gone, or of another project"))?;
        return Ok(Some(Lender::AccessToken(token.id.clone())));
    }
    Ok(None)
}

fn expiry(view: &Snapshot, by: &Lender) -> Option<Timestamp> {
    match by {
        Lender::Trust(id) => view.get::<Trust>(id)?.expires,
        Lender::ApplicationCredential(id) => view.get::<ApplicationCredential>(id)?.expires,
        Lender::AccessToken(id) => view.get::<AccessToken>(id)?.expires,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_good_for_a_quarter_of_an_hour() {
        let now = Timestamp::parse("2015-08-30T12:50:00Z").unwrap();
        let check = |text: Option<&str>, expect: bool| assert_eq!(fresh(text, now).is_ok(), expect, "{text:?}");
        check(None, true);
        check(Some("20150830T123600Z"), true);
        check(Some("2015-08-30T12:36:00Z"), true);
        check(Some("20150830T123400Z"), false);
        check(Some("2015-08-30T12:34:00Z"), false);
        check(Some("yesterday"), false);
        check(Some("2015083\u{e9}T12360Z"), false);
    }
}

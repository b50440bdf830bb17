use super::{Full, not_delegated, unrestricted};
use crate::{
    Identity, Refusal,
    model::{
        AccessRule, ApplicationCredential, Project, Role, Target, User,
        app_cred::{AccessRuleId, ApplicationCredentialId, OF_USER, RULES_OF_USER},
        effective, role,
        role::with_implied,
    },
    ops::{audit::Note, names, on::On},
    policy::{Authorize, app_creds::CREATE_APPLICATION_CREDENTIAL},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use kernel::{Ctx, ProjectId, Result, RoleId, Timestamp, UserId, ids::uuid_hex};
use rand::RngCore;
use serde::Deserialize;
use std::{collections::BTreeSet, sync::Arc};
use store::{Snapshot, Tx};

#[derive(Clone, Deserialize)]
pub struct New {
    pub name: String,
    pub secret: Option<String>,
    pub description: Option<String>,
    pub expires_at: Option<String>,
    pub roles: Option<Vec<RoleRef>>,
    pub unrestricted: Option<bool>,
    pub access_rules: Option<Vec<NewRule>>,
}

#[derive(Clone, Deserialize)]
pub struct RoleRef {
    pub id: Option<RoleId>,
    pub name: Option<String>,
}

/// A rule to be, or by its id one that the user has.
#[derive(Clone, Deserialize)]
pub struct NewRule {
    pub id: Option<String>,
    pub service: Option<String>,
    pub path: Option<String>,
    pub method: Option<String>,
}

/// The secret is seen here and never again.
pub struct Created {
    pub full: Full,
    pub secret: String,
}

pub async fn create(id: &Identity, cx: &Ctx, user_id: &str, new: New) -> Result<Created> {
    let permit = cx.authorize(&CREATE_APPLICATION_CREDENTIAL, &On::default().with("user_id", user_id))?;
    not_delegated(cx)?;
    unrestricted(cx)?;
    if *cx.credentials.user != *user_id {
        return Err(Refusal::Action("Cannot create an application credential for another user.").into());
    }
    let invalid = |detail: &str| Refusal::Invalid(format!("Invalid application credential: {detail}"));
    let project = cx.credentials.project().cloned().ok_or_else(|| invalid("a project-scoped token is needed"))?;
    let roles = roles(id, cx, &project, new.roles.as_deref())?;
    let expires = new.expires_at.as_deref().map(|text| expiry(text, cx.now())).transpose()?;
    let secret = new.secret.clone().filter(|s| !s.is_empty()).unwrap_or_else(fresh_secret);
    let secret_hash = id.passwords().hash(&secret).await?;
    let app_cred = ApplicationCredential {
        id: ApplicationCredentialId::from(uuid_hex().as_str()),
        name: new.name.trim().to_owned(),
        user: UserId::from(user_id),
        project,
        secret_hash,
        description: new.description,
        roles,
        expires,
        unrestricted: new.unrestricted.unwrap_or(false),
        access_rules: None,
    };
    let (note, limit, rules) = (Note::of(cx), id.config().application_credential_limit, new.access_rules);
    let write = move |tx: &mut Tx| insert(tx, app_cred.clone(), rules.as_deref(), limit, &note);
    let full = id.write(permit, "identity.application_credential.create", write).await?;
    Ok(Created { full, secret })
}

fn insert(
    tx: &mut Tx,
    mut app_cred: ApplicationCredential,
    rules: Option<&[NewRule]>,
    limit: i64,
    note: &Note,
) -> Result<Full> {
    // Both are read, so that neither is removed meanwhile without this.
    if tx.get::<User>(&app_cred.user).is_none_or(|u| u.deleting) {
        return Err(Refusal::not_found("user", app_cred.user.as_str()).into());
    }
    if tx.get::<Project>(&app_cred.project).is_none_or(|p| p.deleting) {
        return Err(Refusal::not_found("project", app_cred.project.as_str()).into());
    }
    let count = i64::try_from(tx.view().count_by(OF_USER, &app_cred.user)).unwrap_or(i64::MAX);
    if limit >= 0 && count >= limit {
        let text = format!(
            "Unable to create additional application credentials, maximum of {limit} already exceeded for user."
        );
        return Err(Refusal::Forbidden(text).into());
    }
    let space = ApplicationCredential::name_space(&app_cred.user);
    names::claim(tx, "application_credential", &space, &app_cred.name, "", &app_cred.id)?;
    app_cred.access_rules = rules.map(|rules| settle_rules(tx, &app_cred.user, rules)).transpose()?;
    note.created(tx, "application_credential", &app_cred.id)?;
    let app_cred = tx.insert(app_cred)?;
    Ok(Full::of(tx.view(), app_cred))
}

/// Rules by id, or by what they say: one that the user has already is used again.
fn settle_rules(tx: &mut Tx, user: &UserId, rules: &[NewRule]) -> Result<Vec<AccessRuleId>> {
    let mut ids = Vec::new();
    for rule in rules {
        let by_id = rule.id.as_deref().and_then(|id| tx.get::<AccessRule>(id));
        if let Some(found) = by_id {
            if found.user != *user {
                return Err(Refusal::not_found("Access Rule", found.id.as_str()).into());
            }
            ids.push(found.id.clone());
            continue;
        }
        let (Some(service), Some(path), Some(method)) = (&rule.service, &rule.path, &rule.method) else {
            let id = rule.id.clone().unwrap_or_default();
            return Err(Refusal::not_found("Access Rule", id).into());
        };
        let same = |r: &Arc<AccessRule>| r.service == *service && r.path == *path && r.method == *method;
        let found = tx.view().by(RULES_OF_USER, user).find(same);
        let id = found.map_or_else(
            || {
                let id = AccessRuleId::from(rule.id.clone().unwrap_or_else(|| uuid_hex().to_string()));
                let (service, path, method) = (service.clone(), path.clone(), method.clone());
                tx.put(AccessRule { id: id.clone(), user: user.clone(), service, path, method });
                id
            },
            |r| r.id.clone(),
        );
        ids.push(id);
    }
    Ok(ids)
}

/// The roles asked for with what they imply, or all of the token's; never one that the token does not have.
fn roles(id: &Identity, cx: &Ctx, project: &ProjectId, asked: Option<&[RoleRef]>) -> Result<Vec<RoleId>> {
    let view = id.view();
    let own: BTreeSet<RoleId> = token_roles(&view, cx, project).iter().map(|r| r.id.clone()).collect();
    let Some(asked) = asked.filter(|asked| !asked.is_empty()) else { return Ok(own.into_iter().collect()) };
    let mut wanted = Vec::new();
    for role in asked {
        let found = match (&role.id, &role.name) {
            (Some(id), _) => role::find(&view, id).ok_or_else(|| Refusal::not_found("role", id.as_str()))?,
            (None, Some(name)) => role::named(&view, name).ok_or_else(|| Refusal::not_found("role", name.as_str()))?,
            (None, None) => return Err(Refusal::invalid("a role needs an id or a name").into()),
        };
        wanted.push(found.id.clone());
    }
    let wanted = with_implied(&view, wanted);
    if wanted.is_subset(&own) {
        return Ok(wanted.into_iter().collect());
    }
    let text = "Invalid application credential: Cannot create an application credential with unassigned role";
    Err(Refusal::invalid(text).into())
}

/// What the token has: not more than an application credential that made it.
fn token_roles(view: &Snapshot, cx: &Ctx, project: &ProjectId) -> Vec<Arc<Role>> {
    let mut roles = effective::roles_on(view, &cx.credentials.user, &Target::Project(project.clone()));
    roles.retain(|role| cx.credentials.roles.contains(&role.name));
    roles
}

fn expiry(text: &str, now: Timestamp) -> Result<Timestamp> {
    let tail = "The server could not comply with the request since it is either malformed or otherwise incorrect. The \
                client is assumed to be in error.";
    let at =
        Timestamp::parse(text).ok_or_else(|| Refusal::Invalid(format!("Timestamp not in expected format. {tail}")))?;
    if at < now {
        return Err(Refusal::Invalid(format!("The 'expires_at' must not be before now. {tail}")).into());
    }
    Ok(at)
}

fn fresh_secret() -> String {
    let mut octets = [0; 64];
    rand::rng().fill_bytes(&mut octets);
    BASE64_URL_SAFE_NO_PAD.encode(octets)
}

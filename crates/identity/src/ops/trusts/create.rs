use super::{Full, not_lent};
use crate::{
    Identity, Refusal,
    model::{
        Fields, Project, Target, Trust, User, effective, project, role,
        trust::{TrustId, ancestors, first_trustor},
        user,
    },
    ops::{audit::Note, on::On},
    policy::{Authorize, trusts::CREATE_TRUST},
};
use kernel::{Ctx, ProjectId, Result, RoleId, Timestamp, UserId, ids::uuid_hex};
use serde::Deserialize;
use std::sync::Arc;
use store::{Snapshot, Tx};

#[derive(Deserialize)]
pub struct New {
    pub trustor_user_id: UserId,
    pub trustee_user_id: UserId,
    pub impersonation: bool,
    pub project_id: Option<ProjectId>,
    pub remaining_uses: Option<u64>,
    pub expires_at: Option<String>,
    #[serde(default)]
    pub allow_redelegation: Option<bool>,
    pub redelegation_count: Option<u32>,
    #[serde(default)]
    pub roles: Vec<RoleRef>,
}

#[derive(Deserialize)]
pub struct RoleRef {
    pub id: Option<RoleId>,
    pub name: Option<String>,
}

pub async fn create(id: &Identity, cx: &Ctx, new: New) -> Result<Full> {
    let on = On::default().with("target.trust.trustor_user_id", &new.trustor_user_id);
    let permit = cx.authorize(&CREATE_TRUST, &on)?;
    not_lent(cx)?;
    let project_id = new.project_id.clone().filter(|p| !p.is_empty());
    if project_id.is_some() && new.roles.is_empty() {
        return Err(Refusal::Action("At least one role should be specified").into());
    }
    if cx.credentials.user != new.trustor_user_id {
        return Err(Refusal::Action("The authenticated user should match the trustor").into());
    }
    let view = id.view();
    let trustee = new.trustee_user_id.as_str();
    user::find(&view, trustee).ok_or_else(|| Refusal::not_found("user", trustee))?;
    let parent = parent(&view, cx)?;
    let mut trust = Trust {
        id: TrustId::from(uuid_hex().as_str()),
        trustor: new.trustor_user_id.clone(),
        trustee: new.trustee_user_id.clone(),
        project: project_id,
        impersonation: new.impersonation,
        roles: named(&view, &new.roles)?,
        expires: new.expires_at.as_deref().map(|text| expiry(text, id.now())).transpose()?,
        remaining_uses: new.remaining_uses,
        parent: parent.as_ref().map(|p| p.id.clone()),
        redelegation_count: 0,
    };
    roles_are_the_trustors(&view, &trust)?;
    depth(id.config().max_redelegation_count, &new, parent.as_deref(), &mut trust)?;
    if let Some(parent) = parent {
        redelegated(&view, id.config().max_redelegation_count, parent, &mut trust)?;
    }
    let note = Note::of(cx);
    id.write(permit, "identity.trust.create", move |tx| insert(tx, trust.clone(), &note)).await
}

/// Both users, the project and the trust above are read, so that none is removed meanwhile without this.
fn insert(tx: &mut Tx, trust: Trust, note: &Note) -> Result<Full> {
    for user in [&trust.trustor, &trust.trustee] {
        if tx.get::<User>(user).is_none_or(|u| u.deleting) {
            return Err(Refusal::not_found("user", user.as_str()).into());
        }
    }
    if let Some(project) = &trust.project
        && tx.get::<Project>(project).is_none_or(|p| p.deleting)
    {
        return Err(Refusal::not_found("project", project.as_str()).into());
    }
    if let Some(parent) = &trust.parent {
        let found = tx.get::<Trust>(parent).ok_or_else(|| super::absent(parent))?;
        tx.put(Trust::clone(&found));
    }
    note.created(tx, "OS-TRUST:trust", &trust.id)?;
    let trust = tx.insert(trust)?;
    Ok(Full::of(tx.view(), trust))
}

/// The trust whose token is used to make another.
fn parent(view: &Snapshot, cx: &Ctx) -> Result<Option<Arc<Trust>>> {
    let Some(lent) = &cx.credentials.trust else { return Ok(None) };
    view.get::<Trust>(&lent.id).map(Some).ok_or_else(|| super::absent(&lent.id).into())
}

fn named(view: &Snapshot, roles: &[RoleRef]) -> Result<Vec<RoleId>> {
    let find = |wanted: &RoleRef| match wanted {
        RoleRef { id: Some(id), .. } => Ok(id.clone()),
        RoleRef { name: Some(name), .. } => {
            let found = role::named(view, name).ok_or_else(|| Refusal::not_found("role", name.as_str()))?;
            Ok(found.id.clone())
        }
        RoleRef { id: None, name: None } => Err(Refusal::invalid("a role needs an id or a name").into()),
    };
    let mut ids: Vec<RoleId> = roles.iter().map(find).collect::<Result<_>>()?;
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// 404 for a role that is not the (first) trustor's on the project.
fn roles_are_the_trustors(view: &Snapshot, trust: &Trust) -> Result<()> {
    let own = match &trust.project {
        None => return Ok(()),
        Some(id) => {
            project::find(view, id).ok_or_else(|| Refusal::not_found("project", id.as_str()))?;
            let first = first_trustor(view, trust).ok_or_else(|| super::absent(&trust.id))?;
            effective::role_ids_on(view, &first, &Target::Project(id.clone()))
        }
    };
    match trust.roles.iter().find(|role| !own.contains(*role)) {
        None => Ok(()),
        Some(missing) => Err(Refusal::not_found("role", missing.as_str()).into()),
    }
}

/// How many links may follow, as asked, as allowed, and as the trust above leaves.
fn depth(most: u32, new: &New, parent: Option<&Trust>, trust: &mut Trust) -> Result<()> {
    let asked = new.redelegation_count;
    if !new.allow_redelegation.unwrap_or(false) || asked == Some(0) {
        trust.redelegation_count = 0;
        return Ok(());
    }
    if let Some(asked) = asked.filter(|asked| *asked > most) {
        let text = format!("Requested redelegation depth of {asked} is greater than allowed {most}");
        return Err(Refusal::Forbidden(text).into());
    }
    if trust.remaining_uses.is_some() {
        return Err(Refusal::invalid("remaining_uses must not be set if redelegation is allowed").into());
    }
    let Some(parent) = parent else {
        trust.redelegation_count = asked.unwrap_or(most);
        return Ok(());
    };
    let left = parent.redelegation_count.saturating_sub(1);
    if asked.is_some_and(|asked| asked != left) {
        let text =
            "Modifying \"redelegation_count\" upon redelegation is forbidden. Omitting this parameter is advised.";
        return Err(Refusal::forbidden(text).into());
    }
    trust.redelegation_count = left;
    Ok(())
}

/// A trust made by a trust gives no more than any of those above it.
fn redelegated(view: &Snapshot, most: u32, parent: Arc<Trust>, trust: &mut Trust) -> Result<()> {
    let above = ancestors(view, &parent).ok_or_else(|| super::absent(&parent.id))?;
    for above in std::iter::once(parent).chain(above) {
        let refuse = |text: String| Err(Refusal::Forbidden(text).into());
        let left = above.redelegation_count;
        if !(1..=most).contains(&left) {
            return refuse(format!("Remaining redelegation depth of {left} out of allowed range of [0..{most}]"));
        }
        if trust.remaining_uses.is_some() {
            return refuse("Field \"remaining_uses\" must not be set in order to redelegate a trust".into());
        }
        match (trust.expires, above.expires) {
            (None, end) => trust.expires = end,
            (Some(asked), Some(end)) if asked > end => {
                return refuse("Requested expiration time is more than redelegated trust can provide".into());
            }
            _ => {}
        }
        if !trust.roles.iter().all(|role| above.roles.contains(role)) {
            return refuse("Some of requested roles are not in redelegated trust".into());
        }
        if trust.impersonation && !above.impersonation {
            return refuse(format!(
                "Impersonation is not allowed because redelegated trust does not specify impersonation. Redelegated trust \
                 id: {}",
                above.id()
            ));
        }
    }
    Ok(())
}

fn expiry(text: &str, now: Timestamp) -> Result<Timestamp> {
    let tail = "The server could not comply with the request since it is either malformed or otherwise incorrect. The \
                client is assumed to be in error.";
    let at = Timestamp::parse(text);
    let at = at.ok_or_else(|| Refusal::Invalid(format!("Timestamp not in expected format. {tail}")))?;
    match at < now {
        false => Ok(at),
        true => Err(Refusal::Invalid(format!("The 'expires_at' must not be before now. {tail}")).into()),
    }
}

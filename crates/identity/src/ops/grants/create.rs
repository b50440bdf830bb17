use super::{Grant, Missing, Parties};
use crate::{
    Identity, Refusal,
    model::{Actor, Group, Project, Role, Target, User},
    ops::audit::Note,
};
use kernel::{Ctx, Result};
use store::Tx;

/// Granting what is granted already is fine.
pub async fn create(id: &Identity, cx: &Ctx, grant: &Grant, role: &str) -> Result<()> {
    let (parties, permit) = grant.permitted(id, cx, grant.rules().create, Some(role), Missing::IsAnError)?;
    role_fits(grant, &parties, role)?;
    let (assignment, note, grant) = (grant.of(role), Note::of(cx), grant.clone());
    id.write(permit, "identity.grant.create", move |tx| {
        alive(tx, &grant, &assignment.role)?;
        note.granted(tx, &assignment)?;
        tx.put(assignment.clone());
        Ok(())
    })
    .await
}

/// A domain's own role is good in that domain only.
fn role_fits(grant: &Grant, parties: &Parties, role: &str) -> Result<()> {
    let Some(of_domain) = parties.role.as_ref().and_then(|r| r.domain.as_ref()) else { return Ok(()) };
    match (&grant.target, &parties.project) {
        (Target::System, _) => Err(Refusal::Invalid(format!(
            "Role {role} is a domain-specific role. Unable to use a domain-specific role in a system assignment."
        ))
        .into()),
        (Target::Project(id), Some(project)) if project.domain.as_ref() != Some(of_domain) => Err(Refusal::Forbidden(
            format!("Project {id} must be in the same domain as the role {role} being assigned."),
        )
        .into()),
        _ => Ok(()),
    }
}

/// Everything is still there: read in the transaction, so that none of it can be removed meanwhile.
fn alive(tx: &mut Tx, grant: &Grant, role: &str) -> Result<()> {
    if tx.get::<Role>(role).is_none_or(|r| r.deleting) {
        return Err(Refusal::not_found("role", role).into());
    }
    let gone = match &grant.actor {
        Actor::User(id) => tx.get::<User>(id).is_none_or(|u| u.deleting).then_some("user"),
        Actor::Group(id) => tx.get::<Group>(id).is_none_or(|g| g.deleting).then_some("group"),
    };
    if let Some(what) = gone {
        return Err(Refusal::not_found(what, grant.actor.id()).into());
    }
    let (what, id) = match &grant.target {
        Target::System => return Ok(()),
        Target::Project(id) => ("project", id.as_str()),
        Target::Domain(id) => ("domain", id.as_str()),
    };
    if tx.get::<Project>(id).is_none_or(|p| p.deleting) {
        return Err(Refusal::not_found(what, id).into());
    }
    Ok(())
}

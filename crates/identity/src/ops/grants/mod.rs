//! Grants: a role given to a user or group on a project, a domain or the system, there or inherited below.

mod check;
mod create;
mod delete;
mod list;

pub use check::check;
pub use create::create;
pub use delete::delete;
pub use list::list;

use crate::{
    Identity, Refusal,
    model::{Actor, Assignment, Group, Project, Role, Target, User, group, project, role, user},
    ops::on::On,
    policy::{Authorize, Permit, grants},
};
use kernel::{Ctx, Result, RoleId};
use policy::Rule;
use std::sync::Arc;

/// What a grant is about, as the path says it.
#[derive(Clone, Debug)]
pub struct Grant {
    pub actor: Actor,
    pub target: Target,
    pub inherited: bool,
}

/// The rules of one sort of target and actor.
struct Rules {
    check: &'static Rule,
    list: &'static Rule,
    create: &'static Rule,
    revoke: &'static Rule,
}

/// The objects of a grant, as far as they are there.
#[derive(Default)]
struct Parties {
    user: Option<Arc<User>>,
    group: Option<Arc<Group>>,
    project: Option<Arc<Project>>,
    domain: Option<Arc<Project>>,
    role: Option<Arc<Role>>,
}

/// Whether the actor must still be there: grants of users of another back end outlive them, and can be revoked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    IsAnError,
    IsFine,
}

impl Grant {
    fn rules(&self) -> Rules {
        match (&self.target, &self.actor) {
            (Target::System, Actor::User(_)) => Rules {
                check: &grants::CHECK_SYSTEM_GRANT_FOR_USER,
                list: &grants::LIST_SYSTEM_GRANTS_FOR_USER,
                create: &grants::CREATE_SYSTEM_GRANT_FOR_USER,
                revoke: &grants::REVOKE_SYSTEM_GRANT_FOR_USER,
            },
            (Target::System, Actor::Group(_)) => Rules {
                check: &grants::CHECK_SYSTEM_GRANT_FOR_GROUP,
                list: &grants::LIST_SYSTEM_GRANTS_FOR_GROUP,
                create: &grants::CREATE_SYSTEM_GRANT_FOR_GROUP,
                revoke: &grants::REVOKE_SYSTEM_GRANT_FOR_GROUP,
            },
            _ => Rules {
                check: &grants::CHECK_GRANT,
                list: &grants::LIST_GRANTS,
                create: &grants::CREATE_GRANT,
                revoke: &grants::REVOKE_GRANT,
            },
        }
    }

    fn of(&self, role: &str) -> Assignment {
        Assignment {
            role: RoleId::from(role),
            actor: self.actor.clone(),
            target: self.target.clone(),
            inherited: self.inherited,
        }
    }

    /// Finds the parties, then asks `rule` about them; in that order, as in Keystone: 404 for whoever asks.
    fn permitted(
        &self,
        id: &Identity,
        cx: &Ctx,
        rule: &'static Rule,
        role: Option<&str>,
        missing: Missing,
    ) -> Result<(Parties, Permit)> {
        let parties = self.parties(id, role, missing)?;
        let on = On::default()
            .user(parties.user.as_deref())
            .group(parties.group.as_deref())
            .project(parties.project.as_deref())
            .domain(parties.domain.as_deref())
            .role(parties.role.as_deref());
        let permit = cx.authorize(rule, &on)?;
        Ok((parties, permit))
    }

    fn parties(&self, id: &Identity, role: Option<&str>, missing: Missing) -> Result<Parties> {
        let view = id.view();
        let mut parties = Parties::default();
        if let Some(role) = role {
            parties.role = Some(role::find(&view, role).ok_or_else(|| Refusal::not_found("role", role))?);
        }
        match &self.actor {
            Actor::User(user) => parties.user = user::find(&view, user),
            Actor::Group(group) => parties.group = group::find(&view, group),
        }
        if missing == Missing::IsAnError && parties.user.is_none() && parties.group.is_none() {
            let what = if self.actor.user().is_some() { "user" } else { "group" };
            return Err(Refusal::not_found(what, self.actor.id()).into());
        }
        match &self.target {
            Target::System => {}
            Target::Project(id) => {
                parties.project =
                    Some(project::find(&view, id).ok_or_else(|| Refusal::not_found("project", id.as_str()))?);
            }
            Target::Domain(id) => {
                let domain = project::find_domain(&view, id);
                parties.domain = Some(domain.ok_or_else(|| Refusal::not_found("domain", id.as_str()))?);
            }
        }
        Ok(parties)
    }
}

fn absent(assignment: &Assignment) -> Refusal {
    Refusal::AssignmentNotFound {
        role: assignment.role.to_string(),
        actor: assignment.actor.id().to_owned(),
        target: assignment.target.id().to_owned(),
    }
}

//! Which roles a user really has somewhere: directly, through groups, inherited from above, and implied.

use super::{
    Actor, Assignment, Project, Role, Target,
    assignment::BY_ACTOR,
    group::OF_USER,
    project,
    role::{self, with_implied},
};
use kernel::{DomainId, RoleId};
use std::{collections::BTreeSet, sync::Arc};
use store::Snapshot;

/// The assignments of a user and of the user's groups.
pub fn assignments_of<'a>(view: &'a Snapshot, user: &str) -> impl Iterator<Item = Arc<Assignment>> + 'a {
    let own = Actor::User(user.into()).key();
    let groups: Vec<_> = view.by(OF_USER, user).map(|m| Actor::Group(m.group.clone()).key()).collect();
    std::iter::once(own).chain(groups).flat_map(move |actor| view.by(BY_ACTOR, &actor).collect::<Vec<_>>())
}

/// Whether an assignment counts on `target`, whose ancestors (domain included) are `above`.
fn counts(assignment: &Assignment, target: &Target, above: &[Arc<Project>]) -> bool {
    if !assignment.inherited {
        return assignment.target == *target;
    }
    above.iter().any(|p| match &assignment.target {
        Target::Project(id) => *id == p.id,
        Target::Domain(id) => p.is_domain() && *id == *p.id.as_str(),
        Target::System => false,
    })
}

/// The global roles that a token of `user` scoped to `target` carries, by name.
pub fn roles_on(view: &Snapshot, user: &str, target: &Target) -> Vec<Arc<Role>> {
    global(view, role_ids_on(view, user, target))
}

/// All roles of `user` on `target`, domains' own ones too.
pub fn role_ids_on(view: &Snapshot, user: &str, target: &Target) -> BTreeSet<RoleId> {
    let above = match target {
        Target::Project(id) => project::find(view, id).map(|p| project::parents(view, &p)).unwrap_or_default(),
        Target::Domain(_) | Target::System => Vec::new(),
    };
    let granted = assignments_of(view, user).filter(|a| counts(a, target, &above)).map(|a| a.role.clone());
    with_implied(view, granted)
}

/// Drops domains' own roles, which only stand for what they imply.
pub fn global(view: &Snapshot, roles: impl IntoIterator<Item = RoleId>) -> Vec<Arc<Role>> {
    let found = roles.into_iter().filter_map(|id| role::find(view, &id));
    let mut roles: Vec<_> = found.filter(|r| r.domain.is_none()).collect();
    roles.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    roles
}

fn brings_a_role(view: &Snapshot, assignment: &Assignment) -> bool {
    !global(view, with_implied(view, [assignment.role.clone()])).is_empty()
}

/// The projects a user has any role on, by id.
pub fn projects_of(view: &Snapshot, user: &str) -> Vec<Arc<Project>> {
    let mut found: Vec<Arc<Project>> = Vec::new();
    for assignment in assignments_of(view, user).filter(|a| brings_a_role(view, a)) {
        match (&assignment.target, assignment.inherited) {
            (Target::Project(id), false) => found.extend(project::find(view, id)),
            (Target::Project(id), true) => found.extend(project::subtree(view, id)),
            (Target::Domain(id), true) => {
                found.extend(view.by(project::BY_DOMAIN, id).filter(|p| !p.deleting));
            }
            (Target::Domain(_), false) | (Target::System, _) => {}
        }
    }
    found.sort_by(|a, b| a.id.cmp(&b.id));
    found.dedup_by(|a, b| a.id == b.id);
    found
}

/// The domains a user has any role on, by id.
pub fn domains_of(view: &Snapshot, user: &str) -> Vec<Arc<Project>> {
    let direct = assignments_of(view, user).filter(|a| !a.inherited && brings_a_role(view, a));
    let mut ids: Vec<DomainId> = direct
        .filter_map(|a| match &a.target {
            Target::Domain(id) => Some(id.clone()),
            _ => None,
        })
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids.iter().filter_map(|id| project::find_domain(view, id)).collect()
}

//! Effective mode: groups become their members, inherited roles appear on what is below, implied roles beside their priors.

use super::{Filter, Found};
use crate::model::{
    Actor, Assignment, Target, assignment::BY_TARGET, effective::assignments_of, group::OF_GROUP, project, role,
};
use kernel::{GroupId, RoleId, UserId};
use std::{collections::BTreeSet, sync::Arc};
use store::Snapshot;

pub(super) fn effective(view: &Snapshot, filter: &Filter, targets: Option<&BTreeSet<Target>>) -> Vec<Found> {
    let mut found = Vec::new();
    for assignment in sources(view, filter) {
        if filter.inherited.is_some_and(|wanted| wanted != assignment.inherited) {
            continue;
        }
        let places: Vec<_> =
            places(view, &assignment).into_iter().filter(|p| targets.is_none_or(|t| t.contains(&p.target))).collect();
        let roles = roles(view, &assignment.role, filter.role.as_ref());
        for (user, group) in users(view, &assignment, filter.user.as_ref()) {
            for place in &places {
                found.extend(roles.iter().map(|(role, prior)| Found {
                    actor: Actor::User(user.clone()),
                    target: place.target.clone(),
                    role: role.clone(),
                    inherited: false,
                    through_group: group.clone(),
                    through_target: place.from.clone(),
                    through_role: prior.clone(),
                    names: None,
                }));
            }
        }
    }
    found
}

/// The assignments that could matter. Those on the system do only when asked for.
fn sources(view: &Snapshot, filter: &Filter) -> Vec<Arc<Assignment>> {
    if let Some(user) = &filter.user {
        return assignments_of(view, user).filter(|a| filter.system || a.target != Target::System).collect();
    }
    if let (Some(id), false) = (&filter.project, filter.include_subtree) {
        let Some(project) = project::find(view, id) else { return Vec::new() };
        let mut places = vec![Target::Project(id.clone()), Target::Domain(project.owner())];
        places.extend(project::parents(view, &project).iter().map(|p| Target::Project(p.id.clone())));
        return places.iter().flat_map(|place| view.by(BY_TARGET, &place.key()).collect::<Vec<_>>()).collect();
    }
    view.all::<Assignment>().filter(|a| filter.system || a.target != Target::System).collect()
}

struct Place {
    target: Target,
    /// What it is inherited from.
    from: Option<Target>,
}

fn places(view: &Snapshot, assignment: &Assignment) -> Vec<Place> {
    if !assignment.inherited {
        return vec![Place { target: assignment.target.clone(), from: None }];
    }
    let below: Vec<_> = match &assignment.target {
        Target::Domain(id) => view.by(project::BY_DOMAIN, id).filter(|p| !p.deleting).collect(),
        Target::Project(id) => project::subtree(view, id),
        Target::System => Vec::new(),
    };
    let place = |p: &Arc<crate::model::Project>| Place {
        target: Target::Project(p.id.clone()),
        from: Some(assignment.target.clone()),
    };
    below.iter().map(place).collect()
}

fn users(view: &Snapshot, assignment: &Assignment, only: Option<&UserId>) -> Vec<(UserId, Option<GroupId>)> {
    match (&assignment.actor, only) {
        (Actor::User(id), _) => vec![(id.clone(), None)],
        (Actor::Group(group), Some(user)) => vec![(user.clone(), Some(group.clone()))],
        (Actor::Group(group), None) => {
            view.by(OF_GROUP, group).map(|m| (m.user.clone(), Some(group.clone()))).collect()
        }
    }
}

/// The global roles among a role and all it implies, each with the role it is implied by.
fn roles(view: &Snapshot, first: &RoleId, only: Option<&RoleId>) -> Vec<(RoleId, Option<RoleId>)> {
    let mut seen: BTreeSet<RoleId> = BTreeSet::new();
    let mut open = vec![(first.clone(), None)];
    let mut all = Vec::new();
    while let Some((id, prior)) = open.pop() {
        let Some(role) = role::find(view, &id).filter(|_| seen.insert(id.clone())) else { continue };
        open.extend(role.implies.iter().map(|implied| (implied.clone(), Some(id.clone()))));
        if role.domain.is_none() && only.is_none_or(|wanted| *wanted == id) {
            all.push((id, prior));
        }
    }
    all
}

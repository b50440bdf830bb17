use super::{Found, effective::effective, names::Names};
use crate::{
    Identity, Refusal,
    model::{
        Actor, Assignment, Target,
        assignment::{BY_ACTOR, BY_ROLE, BY_TARGET},
        project,
    },
    ops::{on::On, project_or_404},
    policy::{
        Authorize,
        grants::{LIST_ROLE_ASSIGNMENTS, LIST_ROLE_ASSIGNMENTS_FOR_TREE},
    },
};
use kernel::{Ctx, DomainId, GroupId, ProjectId, Result, RoleId, UserId};
use std::{collections::BTreeSet, sync::Arc};
use store::Snapshot;

#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub user: Option<UserId>,
    pub group: Option<GroupId>,
    pub role: Option<RoleId>,
    pub project: Option<ProjectId>,
    pub domain: Option<DomainId>,
    pub system: bool,
    pub inherited: Option<bool>,
    pub include_subtree: bool,
    pub effective: bool,
    pub include_names: bool,
}

pub fn list(id: &Identity, cx: &Ctx, filter: &Filter) -> Result<Vec<Found>> {
    let view = id.view();
    permitted(cx, &view, filter)?;
    filter.judge()?;
    let targets = filter.targets(&view);
    let mut found = if filter.effective {
        effective(&view, filter, targets.as_ref())
    } else {
        let mut all = candidates(&view, filter, targets.as_ref());
        all.retain(|a| filter.holds(a, targets.as_ref()));
        all.iter().map(|a| Found::from(&**a)).collect()
    };
    if let Some(scope) = cx.credentials.domain() {
        found.retain(|f| in_domain(&view, &f.target, scope));
    }
    if filter.include_names {
        for found in &mut found {
            found.names = Some(Names::of(&view, found));
        }
    }
    Ok(found)
}

fn permitted(cx: &Ctx, view: &Snapshot, filter: &Filter) -> Result<()> {
    if !filter.include_subtree {
        let scope = cx.credentials.domain().map(|d| d.as_str());
        return cx.authorize(&LIST_ROLE_ASSIGNMENTS, &On::default().maybe("target.domain_id", scope)).map(drop);
    }
    let project = filter.project.as_ref().map(|id| project_or_404(view, id)).transpose()?;
    let domain = project.as_ref().and_then(|p| p.domain.as_deref());
    let on = On::default().project(project.as_deref()).maybe("target.domain_id", domain);
    let _ = cx.authorize(&LIST_ROLE_ASSIGNMENTS_FOR_TREE, &on)?;
    match project {
        Some(_) => Ok(()),
        None => Err(Refusal::invalid("scope.project.id must be specified if include_subtree is also specified").into()),
    }
}

fn in_domain(view: &Snapshot, target: &Target, domain: &DomainId) -> bool {
    match target {
        Target::Domain(id) => id == domain,
        Target::Project(id) => project::find(view, id).is_some_and(|p| p.domain.as_ref() == Some(domain)),
        Target::System => false,
    }
}

/// The assignments that an index finds for the narrowest filter.
fn candidates(view: &Snapshot, filter: &Filter, targets: Option<&BTreeSet<Target>>) -> Vec<Arc<Assignment>> {
    match (&filter.user, &filter.group, targets, &filter.role) {
        (Some(user), ..) => view.by(BY_ACTOR, &Actor::User(user.clone()).key()).collect(),
        (_, Some(group), ..) => view.by(BY_ACTOR, &Actor::Group(group.clone()).key()).collect(),
        (_, _, Some(targets), _) => {
            targets.iter().flat_map(|t| view.by(BY_TARGET, &t.key()).collect::<Vec<_>>()).collect()
        }
        (_, _, _, Some(role)) => view.by(BY_ROLE, role).collect(),
        _ => view.all::<Assignment>().collect(),
    }
}

impl Filter {
    /// Combinations that can find nothing are refused, as Keystone does.
    fn judge(&self) -> Result<(), Refusal> {
        let (domain, project) = (self.domain.is_some(), self.project.is_some());
        for (both, text) in [
            (domain && project, "Specify a domain or project, not both"),
            (domain && self.system, "Specify system or domain, not both"),
            (project && self.system, "Specify system or project, not both"),
            (self.user.is_some() && self.group.is_some(), "Specify a user or group, not both"),
            (
                self.effective && self.group.is_some(),
                "Combining effective and group filter will always result in an empty list.",
            ),
            (
                self.effective && self.inherited == Some(true) && domain,
                "Combining effective, domain and inherited filters will always result in an empty list.",
            ),
        ] {
            if both {
                return Err(Refusal::invalid(text));
            }
        }
        Ok(())
    }

    /// The targets asked for; `None`: any.
    fn targets(&self, view: &Snapshot) -> Option<BTreeSet<Target>> {
        if self.system {
            return Some([Target::System].into());
        }
        if let Some(domain) = &self.domain {
            return Some([Target::Domain(domain.clone())].into());
        }
        let root = self.project.as_ref()?;
        let mut targets = BTreeSet::from([Target::Project(root.clone())]);
        if self.include_subtree {
            targets.extend(project::subtree(view, root).iter().map(|p| Target::Project(p.id.clone())));
        }
        Some(targets)
    }

    fn holds(&self, a: &Assignment, targets: Option<&BTreeSet<Target>>) -> bool {
        self.user.as_ref().is_none_or(|u| a.actor == Actor::User(u.clone()))
            && self.group.as_ref().is_none_or(|g| a.actor == Actor::Group(g.clone()))
            && self.role.as_ref().is_none_or(|r| a.role == *r)
            && self.inherited.is_none_or(|i| a.inherited == i)
            && targets.is_none_or(|t| t.contains(&a.target))
    }
}

//! What `include_names` adds.

use super::Found;
use crate::model::{Actor, Group, Project, Role, Target, User};
use store::Snapshot;

/// A name and the domain it is in; empty if the object is gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamedIn {
    pub name: String,
    pub domain: String,
    pub domain_name: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    pub actor: NamedIn,
    /// For a domain only its name.
    pub target: NamedIn,
    /// Without a domain for a global role.
    pub role: NamedIn,
}

impl Names {
    pub(super) fn of(view: &Snapshot, found: &Found) -> Self {
        let actor = match &found.actor {
            Actor::User(id) => view.get::<User>(id).map(|u| named(view, &u.name, Some(&u.domain))),
            Actor::Group(id) => view.get::<Group>(id).map(|g| named(view, &g.name, Some(&g.domain))),
        };
        let target = match &found.target {
            Target::Project(id) => view.get::<Project>(id).map(|p| named(view, &p.name, Some(&p.owner()))),
            Target::Domain(id) => view.get::<Project>(id).map(|d| named(view, &d.name, None)),
            Target::System => None,
        };
        let role = view.get::<Role>(&found.role).map(|r| named(view, &r.name, r.domain.as_deref()));
        Self { actor: actor.unwrap_or_default(), target: target.unwrap_or_default(), role: role.unwrap_or_default() }
    }
}

fn named(view: &Snapshot, name: &str, domain: Option<&str>) -> NamedIn {
    let domain_name = domain.and_then(|id| view.get::<Project>(id)).map(|d| d.name.clone());
    NamedIn {
        name: name.to_owned(),
        domain: domain.unwrap_or_default().to_owned(),
        domain_name: domain_name.unwrap_or_default(),
    }
}

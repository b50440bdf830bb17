use crate::{
    Identity,
    model::{
        Project,
        project::{BY_DOMAIN, BY_PARENT},
    },
    ops::{
        on::On,
        query::{Listed, Query},
    },
    policy::{Authorize, projects::LIST_PROJECTS},
};
use kernel::{Ctx, Result};
use std::{collections::BTreeSet, sync::Arc};

pub const FILTERS: &[&str] = &["domain_id", "enabled", "name", "parent_id", "is_domain"];

/// `tags`, `tags-any`, `not-tags` and `not-tags-any`, each a list with commas.
#[derive(Clone, Debug, Default)]
pub struct Tags {
    pub all: Option<BTreeSet<String>>,
    pub any: Option<BTreeSet<String>>,
    pub not_all: Option<BTreeSet<String>>,
    pub not_any: Option<BTreeSet<String>>,
}

impl Tags {
    fn hold(&self, tags: &BTreeSet<String>) -> bool {
        self.all.as_ref().is_none_or(|wanted| wanted.is_subset(tags))
            && self.any.as_ref().is_none_or(|wanted| !wanted.is_disjoint(tags))
            && self.not_all.as_ref().is_none_or(|unwanted| !unwanted.is_subset(tags))
            && self.not_any.as_ref().is_none_or(|unwanted| unwanted.is_disjoint(tags))
    }
}

/// Projects; domains only if `is_domain` is asked for.
pub fn list(id: &Identity, cx: &Ctx, query: &Query, tags: &Tags) -> Result<Listed<Project>> {
    let scope = cx.credentials.domain();
    let _ = cx.authorize(&LIST_PROJECTS, &On::default().maybe("target.domain_id", scope.map(|d| d.as_str())))?;
    let domains_too = query.exact("is_domain").is_some();
    let wanted = |p: &Arc<Project>| {
        !p.deleting
            && (domains_too || !p.is_domain())
            && scope.is_none_or(|d| p.domain.as_ref() == Some(d))
            && tags.hold(&p.tags)
    };
    let view = id.view();
    let domain = scope.map(|d| d.as_str()).or(query.exact("domain_id"));
    match (query.exact("parent_id"), domain) {
        (Some(parent), _) => query.page(view.by(BY_PARENT, parent).filter(wanted)),
        (None, Some(domain)) => query.page(view.by(BY_DOMAIN, domain).filter(wanted)),
        (None, None) => query.page(view.all::<Project>().filter(wanted)),
    }
}

//! The world as one request needs it.

use super::{Candidate, Request, Summary, Trees};
use crate::model::{self, Provider, ProviderId, SHARING};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use store::Snapshot;

pub(super) struct World<'a> {
    pub(super) view: &'a Snapshot,
    nested: bool,
    /// Providers that share, with the root of the tree each is in.
    sharing: Vec<(Arc<Provider>, ProviderId)>,
    /// The roots of the trees that groups name, by what they name; `None` for a provider that is not there.
    named: BTreeMap<String, Option<ProviderId>>,
}

/// What one root offers.
pub(super) struct Tree {
    /// The root first.
    pub(super) members: Vec<Arc<Provider>>,
    /// Those outside that share with it, each with the root of its own tree.
    pub(super) sharing: Vec<(Arc<Provider>, ProviderId)>,
}

impl Tree {
    pub(super) fn root(&self) -> &Provider {
        &self.members[0]
    }
}

impl<'a> World<'a> {
    pub(super) fn of(view: &'a Snapshot, request: &Request) -> Self {
        let root_of = |p: &Provider| model::root(view, p);
        let sharing = view.by(Provider::BY_TRAIT, SHARING).map(|p| {
            let root = root_of(&p);
            (p, root)
        });
        let named = request.groups.iter().filter_map(|g| g.in_tree.as_ref());
        Self {
            view,
            nested: view.range_by(Provider::BY_PARENT, "", "").next().is_some(),
            sharing: sharing.collect(),
            named: named.map(|id| (id.clone(), view.get::<Provider>(id).map(|p| root_of(&p)))).collect(),
        }
    }

    pub(super) fn nothing_is_shared(&self) -> bool {
        self.sharing.is_empty()
    }

    /// Whether the group without a suffix can be served by more than one provider at all.
    pub(super) fn is_flat(&self) -> bool {
        !self.nested && self.sharing.is_empty()
    }

    /// Whether the provider, whose tree has this root, is in the tree that a group names.
    pub(super) fn is_in(&self, root: &ProviderId, in_tree: Option<&String>) -> bool {
        in_tree.is_none_or(|named| self.named.get(named).is_some_and(|wanted| wanted.as_ref() == Some(root)))
    }

    pub(super) fn tree(&self, root: Arc<Provider>) -> Tree {
        let members = if self.nested { model::subtree(self.view, root) } else { vec![root] };
        let shares = |(p, its_root): &&(Arc<Provider>, ProviderId)| {
            *its_root != members[0].id && members.iter().any(|m| !m.aggregates.is_disjoint(&p.aggregates))
        };
        let sharing = self.sharing.iter().filter(shares).cloned().collect();
        Tree { members, sharing }
    }

    /// Whether one of these is the others' root, or all are the same.
    pub(super) fn one_subtree(&self, ids: &BTreeSet<&ProviderId>) -> bool {
        ids.iter().any(|top| ids.iter().all(|id| self.is_below(id, top)))
    }

    fn is_below(&self, id: &ProviderId, top: &ProviderId) -> bool {
        let mut at = Some(id.clone());
        while let Some(id) = at {
            if id == *top {
                return true;
            }
            at = self.view.get::<Provider>(&id).and_then(|p| p.parent.clone());
        }
        false
    }

    pub(super) fn root_of(&self, id: &ProviderId) -> ProviderId {
        let found = self.view.get::<Provider>(id);
        found.map_or_else(|| id.clone(), |p| model::root(self.view, &p))
    }

    /// Candidates of two providers of one tree are nothing for clients that know of no trees.
    pub(super) fn shows(&self, request: &Request, candidate: &Candidate) -> bool {
        let blind = self.nested && request.trees == Trees::Unknown;
        let roots = || candidate.allocations.keys().map(|id| self.root_of(id)).collect::<BTreeSet<_>>();
        !blind || roots().len() == candidate.allocations.len()
    }
}

/// All providers of the trees that the candidates use; for clients that know of no trees those used.
pub(super) fn summaries(world: &World<'_>, request: &Request, found: &[Candidate]) -> Vec<Summary> {
    let used: BTreeSet<&ProviderId> = found.iter().flat_map(|c| c.allocations.keys()).collect();
    if !world.nested || request.trees == Trees::Unknown {
        let providers = used.into_iter().filter_map(|id| world.view.get::<Provider>(id));
        return providers.map(|provider| Summary { root: model::root(world.view, &provider), provider }).collect();
    }
    let roots: BTreeSet<ProviderId> = used.into_iter().map(|id| world.root_of(id)).collect();
    let mut all = Vec::new();
    for root in roots {
        let Some(top) = world.view.get::<Provider>(&root) else { continue };
        let members = model::subtree(world.view, top);
        all.extend(members.into_iter().map(|provider| Summary { provider, root: root.clone() }));
    }
    all
}

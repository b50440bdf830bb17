//! How each group of a request could be served in one tree.

use super::{
    Group, Request,
    tree::{Tree, World},
};
use crate::model::{Inventory, Provider};
use std::{collections::BTreeSet, sync::Arc};

/// One way to serve one group: who gives how much of what. Empty for a group that wants no resources.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    pub(super) takes: Vec<(Arc<Provider>, String, u64)>,
    pub(super) providers: Vec<Arc<Provider>>,
}

pub(super) struct Options<'r> {
    pub(super) group: &'r Group,
    pub(super) choices: Vec<Choice>,
}

/// For every group its choices; `None` if one has none.
pub(super) fn of<'r>(world: &World<'_>, tree: &Tree, request: &'r Request) -> Option<Vec<Options<'r>>> {
    let mut all = Vec::with_capacity(request.groups.len());
    for group in &request.groups {
        let choices = if group.one_provider() || world.is_flat() {
            alone(world, tree, group)
        } else {
            together(world, tree, group)
        };
        if choices.is_empty() {
            return None;
        }
        all.push(Options { group, choices });
    }
    Some(all)
}

fn has(provider: &Provider, class: &str, amount: u64) -> bool {
    let fits = |inventory: &Inventory| inventory.has(amount, provider.used(class));
    provider.inventories.get(class).is_some_and(fits)
}

/// Those who serve the whole group by themselves.
fn alone(world: &World<'_>, tree: &Tree, group: &Group) -> Vec<Choice> {
    let inside = tree.members.iter().map(|p| (p, &tree.root().id));
    let all = inside.chain(tree.sharing.iter().map(|(p, root)| (p, root)));
    let able = all.filter(|(p, root)| {
        group.resources.iter().all(|(class, amount)| has(p, class, *amount))
            && world.is_in(root, group.in_tree.as_ref())
            && group.traits.allow(&p.traits)
            && group.member_of.allow(p)
    });
    able.map(|(p, _)| {
        let takes = group.resources.iter().map(|(class, amount)| (Arc::clone(p), class.clone(), *amount));
        Choice { takes: takes.collect(), providers: vec![Arc::clone(p)] }
    })
    .collect()
}

/// Every combination of one provider for each resource class.
fn together(world: &World<'_>, tree: &Tree, group: &Group) -> Vec<Choice> {
    let mut choices = vec![Choice { takes: Vec::new(), providers: Vec::new() }];
    for (class, amount) in &group.resources {
        let able = able(world, tree, group, class, *amount);
        let longer = choices.iter().flat_map(|choice| {
            able.iter().map(|p| {
                let mut longer = choice.clone();
                longer.takes.push((Arc::clone(p), class.clone(), *amount));
                if !longer.providers.iter().any(|q| q.id == p.id) {
                    longer.providers.push(Arc::clone(p));
                }
                longer
            })
        });
        choices = longer.collect();
    }
    choices.retain(|choice| {
        let traits: BTreeSet<_> = choice.providers.iter().flat_map(|p| p.traits.iter().cloned()).collect();
        group.traits.allow(&traits)
    });
    choices
}

fn able(world: &World<'_>, tree: &Tree, group: &Group, class: &str, amount: u64) -> Vec<Arc<Provider>> {
    let (root, wanted) = (tree.root(), &group.member_of);
    let fits = |p: &Provider| has(p, class, amount) && !wanted.forbid(p) && !group.traits.forbid(&p.traits);
    if wanted.forbid(root) {
        return Vec::new();
    }
    let inside = tree.members.iter().filter(|p| {
        world.is_in(&root.id, group.in_tree.as_ref()) && (wanted.wanted(p) || wanted.wanted(root)) && fits(p)
    });
    // A named tree is all there is.
    let shared = tree.sharing.iter().filter(|(p, _)| group.in_tree.is_none() && wanted.wanted(p) && fits(p));
    inside.chain(shared.map(|(p, _)| p)).cloned().collect()
}

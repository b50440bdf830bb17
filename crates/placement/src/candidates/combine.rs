//! One choice for each group, as long as they go together.

use super::{
    Candidate, Policy, Request,
    options::{Choice, Options},
    tree::World,
};
use crate::model::{Provider, ProviderId};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

struct Combining<'a, 'r> {
    world: &'a World<'a>,
    request: &'r Request,
    options: &'a [Options<'r>],
    /// Taken so far, of all groups before this one.
    taken: Vec<(Arc<Provider>, String, u64)>,
    chosen: Vec<&'a Choice>,
    /// Gets each candidate; false ends the search.
    give: &'a mut dyn FnMut(Candidate) -> bool,
}

pub(super) fn combine(
    world: &World<'_>,
    request: &Request,
    options: &[Options<'_>],
    give: &mut dyn FnMut(Candidate) -> bool,
) {
    Combining { world, request, options, taken: Vec::new(), chosen: Vec::new(), give }.next();
}

impl Combining<'_, '_> {
    /// Goes on with the next group; false if enough was found.
    fn next(&mut self) -> bool {
        let options = self.options;
        let Some(group) = options.get(self.chosen.len()) else { return self.complete() };
        for choice in &group.choices {
            if group.group.one_provider() && self.request.policy == Policy::Isolate && self.is_taken(choice) {
                continue;
            }
            let before = self.taken.clone();
            if self.take(choice) {
                self.chosen.push(choice);
                let more = self.next();
                self.chosen.pop();
                if !more {
                    return false;
                }
            }
            self.taken = before;
        }
        true
    }

    /// Whether another suffixed group is served by the same provider.
    fn is_taken(&self, choice: &Choice) -> bool {
        let others = self.options.iter().zip(&self.chosen).filter(|(options, _)| options.group.one_provider());
        let mut others = others.flat_map(|(_, chosen)| &chosen.providers);
        others.any(|other| choice.providers.iter().any(|p| p.id == other.id))
    }

    /// Adds what the choice takes; false if that is more than there is.
    fn take(&mut self, choice: &Choice) -> bool {
        for (provider, class, amount) in &choice.takes {
            let at = self.taken.iter().position(|(p, c, _)| p.id == provider.id && c == class);
            let sum = match at {
                Some(at) => {
                    self.taken[at].2 += amount;
                    self.taken[at].2
                }
                None => {
                    self.taken.push((Arc::clone(provider), class.clone(), *amount));
                    *amount
                }
            };
            let inventory = provider.inventories.get(class);
            let room = |max_unit, capacity| sum <= max_unit && provider.used(class).saturating_add(sum) <= capacity;
            if !inventory.is_some_and(|i| room(i.max_unit, i.capacity())) {
                return false;
            }
        }
        true
    }

    fn complete(&mut self) -> bool {
        let mut mappings: BTreeMap<String, BTreeSet<ProviderId>> = BTreeMap::new();
        for (options, choice) in self.options.iter().zip(&self.chosen) {
            let ids = choice.providers.iter().map(|p| p.id.clone());
            mappings.entry(options.group.suffix.clone()).or_default().extend(ids);
        }
        let together = |suffixes: &BTreeSet<String>| {
            let ids = suffixes.iter().filter_map(|suffix| mappings.get(suffix)).flatten().collect();
            self.world.one_subtree(&ids)
        };
        if !self.request.same_subtrees.iter().all(together) {
            return true;
        }
        let mut candidate = Candidate { allocations: BTreeMap::new(), mappings };
        for (provider, class, amount) in &self.taken {
            let resources = candidate.allocations.entry(provider.id.clone()).or_default();
            resources.insert(class.clone(), *amount);
        }
        if !self.world.shows(self.request, &candidate) {
            return true;
        }
        (self.give)(candidate)
    }
}

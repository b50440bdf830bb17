//! Which providers could satisfy a request together: a function from a snapshot and a request to candidates.
//!
//! ```text
//!   every root ─▶ its tree, and who shares with it ─▶ for each group its options ─▶ combinations ─▶ candidates
//!                 (members; MISC_SHARES_VIA_AGGREGATE    one provider for a         capacity,        limit
//!                  providers with an aggregate of it)    suffixed group, any for    isolation,
//!                                                        the other                  subtrees
//! ```
//!
//! Each root is looked at by itself, and no further than the limit demands: with 5,000 hosts and `limit=1` the first host
//! that fits ends it. Combinations are given up as soon as a part of them cannot be had.
//!
//! Rules of placement's that are easily missed: traits required of the group without a suffix may be spread over the providers
//! that serve it, forbidden ones may be on none of them; its `member_of` may be true of a provider or of the root of its tree,
//! while a suffixed group's must be true of the provider itself; a provider that shares serves every tree it shares an
//! aggregate with, but only if its own aggregates fit the group.

mod combine;
mod options;
mod tree;

use crate::{
    model::{Provider, ProviderId, Resources},
    ops::{MemberOf, Traits},
};
use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
};
use store::Snapshot;

/// What one group of the request wants.
#[derive(Clone, Debug, Default)]
pub(crate) struct Group {
    /// Empty: the group that may be served by several providers.
    pub(crate) suffix: String,
    pub(crate) resources: Resources,
    pub(crate) traits: Traits,
    pub(crate) member_of: MemberOf,
    pub(crate) in_tree: Option<String>,
}

impl Group {
    pub(crate) fn one_provider(&self) -> bool {
        !self.suffix.is_empty()
    }
}

/// Whether suffixed groups may be served by the same provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Policy {
    #[default]
    None,
    Isolate,
}

/// Whether the client's version knows of trees: before 1.29 nothing is offered that needs two providers of one tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Trees {
    #[default]
    Known,
    Unknown,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) groups: Vec<Group>,
    pub(crate) limit: Option<usize>,
    pub(crate) policy: Policy,
    pub(crate) trees: Trees,
    /// Of the root of the tree.
    pub(crate) root: Traits,
    /// Suffixes of groups whose providers must all be below one of them.
    pub(crate) same_subtrees: Vec<BTreeSet<String>>,
}

/// One way to satisfy the request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Candidate {
    pub(crate) allocations: BTreeMap<ProviderId, Resources>,
    /// Suffix → who serves that group.
    pub(crate) mappings: BTreeMap<String, BTreeSet<ProviderId>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Summary {
    pub(crate) provider: Arc<Provider>,
    pub(crate) root: ProviderId,
}

#[derive(Debug, Default)]
pub(crate) struct Candidates {
    pub(crate) requests: Vec<Candidate>,
    pub(crate) summaries: Vec<Summary>,
}

/// All candidates, or as many as the request is limited to.
pub(crate) fn search(view: &Snapshot, request: &Request) -> Candidates {
    let world = tree::World::of(view, request);
    let limit = request.limit.unwrap_or(usize::MAX);
    let mut found = Vec::new();
    // Only what is shared can be offered under several roots.
    let mut seen: HashSet<Candidate> = HashSet::new();
    for root in view.all::<Provider>().filter(|p| p.parent.is_none()) {
        if found.len() >= limit {
            break;
        }
        if !request.root.allow(&root.traits) {
            continue;
        }
        let tree = world.tree(root);
        let Some(options) = options::of(&world, &tree, request) else { continue };
        combine::combine(&world, request, &options, &mut |candidate| {
            if world.nothing_is_shared() || seen.insert(candidate.clone()) {
                found.push(candidate);
            }
            found.len() < limit
        });
    }
    let summaries = tree::summaries(&world, request, &found);
    Candidates { requests: found, summaries }
}

#[cfg(test)]
mod tests;

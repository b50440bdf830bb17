//! Which host: a pure function over providers.
//!
//! A host must pass every filter of [`filters::FILTERS`]; of those that do, the one with the greatest sum of
//! [`weighers::WEIGHERS`] is taken. Equal hosts are told apart by a hash of consumer and host, so that a burst of equal
//! requests spreads and the same request is always decided the same way.
//!
//! ```text
//!   index of hosts by free memory ─▶ filters ─▶ the first 32 that pass ─▶ weighers ─▶ one
//!                                       │
//!                                       └─ none passed ─▶ explain: every host's first refusal, and of the hosts that
//!                                                         only one filter refuses the nearest
//! ```

pub mod cells;
mod explain;
pub mod filters;
pub mod weighers;

pub use explain::{explain, misfit};

use crate::model::Provider;
use kernel::HostName;
use ports::{Domain, Load, PlaceRequest};
use std::{
    collections::{BTreeSet, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};
use store::Snapshot;
use weighers::Weights;

/// Hosts that fit are weighed until there are this many: the best of 32, out of those with most free memory, differs from
/// the best of all by less than the next claim changes.
pub const ENOUGH: usize = 32;

/// A request, with what is looked up once for all hosts.
pub struct Asked<'a> {
    pub request: &'a PlaceRequest,
    pub view: &'a Snapshot,
    /// The places of the servers to stay away from and to stay with; one for each server there.
    pub apart: Vec<String>,
    pub together: Vec<String>,
}

impl<'a> Asked<'a> {
    pub fn new(request: &'a PlaceRequest, view: &'a Snapshot) -> Self {
        let places = |hosts: &[HostName]| hosts.iter().map(|h| place_of(request, view, h)).collect();
        Self { request, view, apart: places(&request.different_from), together: places(&request.same_as) }
    }

    pub fn place(&self, host: Host<'_>) -> String {
        match &self.request.domain {
            Domain::Host => host.name.to_string(),
            Domain::Label(label) => label_of(host.provider, label).unwrap_or_else(|| host.name.to_string()),
        }
    }
}

/// The failure domain of a host: itself where nobody has said more.
fn place_of(request: &PlaceRequest, view: &Snapshot, host: &HostName) -> String {
    let labelled = match &request.domain {
        Domain::Host => None,
        Domain::Label(label) => {
            let provider = view.get::<Provider>(&crate::model::ProviderId::of_host(host));
            provider.and_then(|p| label_of(&p, label))
        }
    };
    labelled.unwrap_or_else(|| host.to_string())
}

fn label_of(provider: &Provider, label: &str) -> Option<String> {
    provider.labels.get(label).and_then(BTreeSet::first).cloned()
}

/// A compute host and its provider.
#[derive(Clone, Copy)]
pub struct Host<'a> {
    pub name: &'a HostName,
    pub provider: &'a Provider,
    /// `None`: it may not be given work now.
    pub load: Option<Load>,
}

fn host<'a>(asked: &Asked<'_>, provider: &'a Provider) -> Option<Host<'a>> {
    let name = provider.host.as_ref()?;
    Some(Host { name, provider, load: asked.request.roster.load(asked.view, name) })
}

/// The best of the hosts that fit. They come in the order in which they are worth a look.
pub fn choose(
    asked: &Asked<'_>,
    weights: &Weights,
    hosts: impl Iterator<Item = Arc<Provider>>,
) -> Option<Arc<Provider>> {
    let mut seen = HashSet::new();
    let fitting = hosts.filter_map(|provider| {
        let host = host(asked, &provider).filter(|_| seen.insert(provider.id.clone()))?;
        let fits = filters::FILTERS.iter().all(|filter| (filter.refuses)(asked, host).is_none());
        let worth = fits.then(|| (weights.of(asked, host), tie(asked.request, host)))?;
        Some((worth, provider))
    });
    let best = fitting.take(ENOUGH).max_by(|((a, x), _), ((b, y), _)| a.total_cmp(b).then(x.cmp(y)));
    best.map(|(_, provider)| provider)
}

fn tie(request: &PlaceRequest, host: Host<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&request.consumer, host.name).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;

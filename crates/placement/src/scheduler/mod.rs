//! Which host: a pure function over providers.
//!
//! A host must pass every filter of [`filters::FILTERS`]; of those that do, the one with the greatest sum of
//! [`weighers::WEIGHERS`] is taken. Equal hosts are told apart by a hash of consumer and host, so that a burst of equal
//! requests spreads and the same request is always decided the same way.

pub mod filters;
pub mod weighers;

use crate::model::Provider;
use kernel::HostName;
use ports::PlaceRequest;
use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

/// Hosts that fit are weighed until there are this many: the best of 32, out of those with most free memory, differs from
/// the best of all by less than the next claim changes.
pub const ENOUGH: usize = 32;

/// A request, made quick to look things up in.
pub struct Asked<'a> {
    pub request: &'a PlaceRequest,
    pub expected: HashSet<&'a str>,
}

impl<'a> Asked<'a> {
    pub fn new(request: &'a PlaceRequest) -> Self {
        Self { request, expected: request.expected.iter().map(|h| h.as_str()).collect() }
    }
}

/// A compute host and its provider.
#[derive(Clone, Copy)]
pub struct Host<'a> {
    pub name: &'a HostName,
    pub provider: &'a Provider,
}

fn host(provider: &Provider) -> Option<Host<'_>> {
    Some(Host { name: provider.host.as_ref()?, provider })
}

/// The best of the hosts that fit. They come in the order in which they are worth a look.
pub fn choose(request: &PlaceRequest, hosts: impl Iterator<Item = Arc<Provider>>) -> Option<Arc<Provider>> {
    let asked = Asked::new(request);
    let mut seen = HashSet::new();
    let fitting = hosts.filter(|p| seen.insert(p.id.clone()) && host(p).is_some_and(|h| refusal(&asked, h).is_none()));
    let weighed =
        fitting.take(ENOUGH).filter_map(|p| host(&p).map(|h| (weight(&asked, h), tie(request, h))).map(|w| (w, p)));
    weighed.max_by(|((a, x), _), ((b, y), _)| a.total_cmp(b).then(x.cmp(y))).map(|(_, provider)| provider)
}

/// For each host that does not fit, why.
pub fn explain(request: &PlaceRequest, hosts: impl Iterator<Item = Arc<Provider>>) -> Vec<(HostName, String)> {
    let asked = Asked::new(request);
    hosts.filter_map(|p| host(&p).and_then(|h| Some((h.name.clone(), refusal(&asked, h)?)))).collect()
}

fn refusal(asked: &Asked<'_>, host: Host<'_>) -> Option<String> {
    filters::FILTERS.iter().find_map(|filter| (filter.refuses)(asked, host))
}

fn weight(asked: &Asked<'_>, host: Host<'_>) -> f64 {
    weighers::WEIGHERS.iter().map(|weigher| weigher.multiplier * (weigher.weight)(asked, host)).sum()
}

fn tie(request: &PlaceRequest, host: Host<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&request.consumer, host.name).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;

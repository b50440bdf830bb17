//! Why no host fits, for administrators: every host's first refusal, and the smallest change that would make one fit.

use super::{Asked, Host, filters, host};
use crate::model::Provider;
use filters::Refusal;
use ports::{Misfit, Refusals};
use std::sync::Arc;

pub fn explain(asked: &Asked<'_>, hosts: impl Iterator<Item = Arc<Provider>>) -> Refusals {
    let mut told = Refusals::default();
    let mut nearest: Option<(f64, String)> = None;
    for provider in hosts {
        let Some(host) = host(asked, &provider) else { continue };
        let refusals = refusals(asked, host);
        let Some(first) = refusals.first() else { continue };
        told.hosts.push((host.name.clone(), first.why.clone()));
        // What more than one filter refuses no single change helps.
        if let [Refusal { change: Some((change, distance)), .. }] = refusals.as_slice()
            && nearest.as_ref().is_none_or(|(least, _)| distance < least)
        {
            nearest = Some((*distance, format!("{} would fit if {change}", host.name)));
        }
    }
    told.nearest = nearest.map(|(_, change)| change);
    told
}

/// Why one host does not fit.
pub fn misfit(asked: &Asked<'_>, provider: &Provider) -> Option<Misfit> {
    let host = host(asked, provider)?;
    let mut refused = filters::FILTERS.iter().filter_map(|filter| Some((filter.name, (filter.refuses)(asked, host)?)));
    let (name, first) = refused.next()?;
    Some(Misfit { is_full: name == filters::RESOURCES && refused.next().is_none(), why: first.why })
}

fn refusals(asked: &Asked<'_>, host: Host<'_>) -> Vec<Refusal> {
    filters::FILTERS.iter().filter_map(|filter| (filter.refuses)(asked, host)).collect()
}

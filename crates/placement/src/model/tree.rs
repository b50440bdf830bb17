//! Trees of providers, read from either view of the store. A child names its parent, nothing else is kept: there is no second
//! record of the tree that could be wrong. That no loop arises is the care of [`crate::ops::providers`].

use super::{Provider, ProviderId};
use std::sync::Arc;
use store::Snapshot;

/// Trees are a few steps deep; a loop, which only a damaged store could hold, ends here.
const DEEPEST: usize = 64;

/// The provider at the top of the tree.
pub fn root(view: &Snapshot, provider: &Provider) -> ProviderId {
    let (mut id, mut parent) = (provider.id.clone(), provider.parent.clone());
    for _ in 0..DEEPEST {
        let Some(above) = parent.as_ref().and_then(|p| view.get::<Provider>(p)) else { break };
        (id, parent) = (above.id.clone(), above.parent.clone());
    }
    id
}

pub fn children<'a>(view: &'a Snapshot, id: &str) -> impl Iterator<Item = Arc<Provider>> + 'a {
    view.by(Provider::BY_PARENT, id)
}

/// The provider and all below it, itself first.
pub fn subtree(view: &Snapshot, top: Arc<Provider>) -> Vec<Arc<Provider>> {
    let mut all = vec![top];
    let mut next = 0;
    while let Some(provider) = all.get(next) {
        let below: Vec<_> = children(view, &provider.id).filter(|c| !all.iter().any(|a| a.id == c.id)).collect();
        all.extend(below);
        next += 1;
    }
    all
}

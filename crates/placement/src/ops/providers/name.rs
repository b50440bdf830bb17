use crate::model::Provider;
use store::Tx;

const SPACE: &str = "placement.provider";

/// Takes a name for a provider; false if another has it. Providers from before names were claimed are found by index.
pub(crate) fn take(tx: &mut Tx, name: &str, id: &str) -> bool {
    let other = tx.by(Provider::BY_NAME, name).iter().any(|p| p.id != *id);
    !other && tx.claim_unique(SPACE, name, id).is_ok()
}

pub(super) fn give_back(tx: &mut Tx, provider: &Provider) {
    tx.release_unique(SPACE, &provider.name, &provider.id);
}

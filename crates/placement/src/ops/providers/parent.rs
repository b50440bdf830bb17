use crate::model::{Provider, ProviderId};
use store::Tx;

/// Far more than any tree is deep; every step is a read that the commit validates.
const DEEPEST: usize = 64;

/// Makes sure that the parent is there and stays there until the child is written: whoever deletes it meanwhile conflicts.
pub(super) fn hold(tx: &mut Tx, parent: &ProviderId) -> Result<(), String> {
    let held = tx.update::<Provider>(parent, |_| ());
    held.map(|_| ()).ok_or_else(|| "parent provider UUID does not exist.".into())
}

/// Whether `above` is the provider itself or below it.
pub(super) fn is_below(tx: &mut Tx, above: &ProviderId, id: &ProviderId) -> bool {
    let mut at = above.clone();
    for _ in 0..DEEPEST {
        if at == *id {
            return true;
        }
        let Some(parent) = tx.get::<Provider>(&at).and_then(|p| p.parent.clone()) else { return false };
        at = parent;
    }
    true
}

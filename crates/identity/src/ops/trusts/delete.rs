use super::{absent, find};
use crate::{
    Identity,
    model::{Fields, Trust, trust::OF_PARENT},
    ops::{audit::Note, on::On},
    policy::{Authorize, trusts::DELETE_TRUST},
};
use kernel::{Ctx, Result};
use store::Tx;

/// Trusts that one transaction removes; a chain is as long as redelegation allows, but may be wide. What is left over is void
/// without the trust above it.
const BUDGET: usize = 900;

/// What was made by it ends with it.
pub async fn delete(id: &Identity, cx: &Ctx, trust_id: &str) -> Result<()> {
    let trust = find(&id.view(), trust_id, id.now())?;
    let on = On::default().object("trust", Some(&*trust as &dyn Fields));
    let permit = cx.authorize(&DELETE_TRUST, &on)?;
    super::not_lent(cx)?;
    let note = Note::of(cx);
    id.write(permit, "identity.trust.delete", move |tx| {
        let found = tx.get::<Trust>(&trust.id).ok_or_else(|| absent(&trust.id))?;
        take(tx, &found, BUDGET);
        note.deleted(tx, "OS-TRUST:trust", &trust.id)
    })
    .await
}

/// A trust with those made by it, the nearest first, as far as the budget goes; how many that were.
pub(crate) fn take(tx: &mut Tx, trust: &Trust, budget: usize) -> usize {
    let mut open = vec![trust.id.clone()];
    let mut at = 0;
    while let Some(id) = open.get(at).cloned().filter(|_| at < budget) {
        open.extend(tx.by(OF_PARENT, &id).iter().map(|child| child.id.clone()));
        tx.delete::<Trust>(&id);
        at += 1;
    }
    at
}

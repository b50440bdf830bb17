use crate::{
    Identity,
    model::{Policy, PolicyAssociation, policy_doc::BY_POLICY},
    ops::{audit::Note, found::found_in},
    policy::{Authorize, policies::DELETE_POLICY},
};
use kernel::{Ctx, Result};

/// What it was for has none afterwards.
pub async fn delete(id: &Identity, cx: &Ctx, policy_id: &str) -> Result<()> {
    let permit = cx.authorize(&DELETE_POLICY, &())?;
    let (note, policy_id) = (Note::of(cx), policy_id.to_owned());
    id.write(permit, "identity.policy.delete", move |tx| {
        found_in::<Policy>(tx, "policy", &policy_id)?;
        for association in tx.by(BY_POLICY, &policy_id) {
            tx.delete::<PolicyAssociation>(&association.of.key());
        }
        tx.delete::<Policy>(&policy_id);
        note.deleted(tx, "policy", &policy_id)
    })
    .await
}

use super::{Verb, all_there, none, rule};
use crate::{
    Identity,
    model::{PolicyAssociation, policy_doc::PolicyFor},
    ops::audit::Note,
    policy::Authorize,
};
use kernel::{Ctx, Result};

pub async fn delete(id: &Identity, cx: &Ctx, policy_id: &str, of: PolicyFor) -> Result<()> {
    let permit = cx.authorize(rule(Verb::Delete, &of), &())?;
    all_there(&id.view(), policy_id, &of)?;
    let (note, policy_id, key) = (Note::of(cx), policy_id.to_owned(), of.key());
    id.write(permit, "identity.policy_association.delete", move |tx| {
        if tx.get::<PolicyAssociation>(&key).is_none_or(|a| *a.policy != *policy_id) {
            return Err(none().into());
        }
        tx.delete::<PolicyAssociation>(&key);
        note.deleted(tx, "policy_association", &key)
    })
    .await
}

use crate::{Compute, ComputeError, model::Aggregate, policy::AGGREGATES_DELETE};
use kernel::{Ctx, Result};
use policy::Authorize;

/// Only an aggregate without hosts can be deleted.
pub(crate) async fn delete(c: &Compute, cx: &Ctx, number: u64) -> Result<()> {
    let _permit = cx.authorize(&AGGREGATES_DELETE, &())?;
    let deleted = c.store.transact("compute.aggregate.delete", move |tx| {
        let aggregate = super::find_in(tx, number)?;
        if !aggregate.hosts.is_empty() {
            let text =
                format!("Cannot perform action 'delete' on aggregate {number}. Reason: Host aggregate is not empty.");
            return Err(ComputeError::AggregateInvalid(text).into());
        }
        tx.release_unique(Aggregate::NAMES, &aggregate.name, &aggregate.uuid);
        tx.delete::<Aggregate>(&format!("{number:08}"));
        Ok(())
    });
    deleted.await
}

use crate::{
    Compute, ComputeError,
    model::{Aggregate, sequence},
    policy::AGGREGATES_CREATE,
};
use kernel::{Ctx, Result, ids::uuid_dashed};
use policy::Authorize;
use std::sync::Arc;

pub(crate) async fn create(c: &Compute, cx: &Ctx, name: String, zone: Option<String>) -> Result<Arc<Aggregate>> {
    let _permit = cx.authorize(&AGGREGATES_CREATE, &())?;
    let (uuid, now) = (uuid_dashed().to_string(), cx.now());
    let created = c.store.transact("compute.aggregate.create", move |tx| {
        let claimed = tx.claim_unique(Aggregate::NAMES, &name, &uuid);
        claimed.map_err(|_| ComputeError::AggregateExists(name.clone()))?;
        let number = sequence::next(tx, "compute.aggregate");
        Ok(tx.put(Aggregate {
            number,
            uuid: uuid.clone(),
            name: name.clone(),
            hosts: [].into(),
            metadata: zone.iter().map(|zone| (Aggregate::ZONE.to_owned(), zone.clone())).collect(),
            created: now,
            updated: None,
        }))
    });
    created.await
}

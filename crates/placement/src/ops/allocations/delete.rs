use crate::{
    Placement, PlacementError,
    model::{Allocation, unbook},
    policy::ALLOCATIONS_DELETE,
};
use kernel::{Ctx, Result};
use policy::Authorize;

pub(crate) async fn delete(p: &Placement, cx: &Ctx, consumer: &str) -> Result<()> {
    let permit = cx.authorize(&ALLOCATIONS_DELETE, &())?;
    let consumer = consumer.to_owned();
    p.write(permit, "placement.allocations.delete", move |tx| {
        if tx.get::<Allocation>(&consumer).is_none() {
            return Err(PlacementError::NoAllocations(consumer.clone()).into());
        }
        unbook(tx, &consumer)
    })
    .await
}

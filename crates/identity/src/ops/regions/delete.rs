use crate::{
    Identity, Refusal,
    model::{
        Region,
        catalog::{BY_PARENT, OF_REGION},
    },
    ops::{audit::Note, catalog::gone},
    policy::{Authorize, catalog::DELETE_REGION},
};
use kernel::{Ctx, RegionId, Result};
use store::Tx;

/// The regions below go with it; endpoints anywhere in the tree forbid it. Registered limits go on naming it, as in Keystone.
pub async fn delete(id: &Identity, cx: &Ctx, region_id: &str) -> Result<()> {
    let permit = cx.authorize(&DELETE_REGION, &())?;
    let (note, region_id) = (Note::of(cx), RegionId::from(region_id));
    id.write(permit, "identity.region.delete", move |tx| {
        if tx.get::<Region>(&region_id).is_none() {
            return Err(Refusal::not_found("region", region_id.as_str()).into());
        }
        let tree = tree(tx, &region_id);
        if tree.iter().any(|id| tx.view().count_by(OF_REGION, id) > 0) {
            return Err(Refusal::Forbidden(format!(
                "Unable to delete region {region_id} because it or its child regions have associated endpoints."
            ))
            .into());
        }
        for id in &tree {
            gone::region(tx, id);
            tx.delete::<Region>(id);
        }
        note.deleted(tx, "region", &region_id)
    })
    .await
}

fn tree(tx: &Tx, root: &RegionId) -> Vec<RegionId> {
    let mut all = vec![root.clone()];
    let mut at = 0;
    while let Some(id) = all.get(at).cloned() {
        let below: Vec<_> = tx.view().by(BY_PARENT, &id).map(|r| r.id.clone()).filter(|r| !all.contains(r)).collect();
        all.extend(below);
        at += 1;
    }
    all
}

use super::WHAT;
use crate::{
    Identity,
    model::{EndpointGroup, ProjectEndpointGroup, endpoint_filter::PROJECTS_WITH_GROUP},
    ops::{audit::Note, found::found_in},
    policy::{Authorize, endpoint_filter::DELETE_ENDPOINT_GROUP},
};
use kernel::{Ctx, Result};
use store::Object;

/// Projects that it was given to lose it in the same transaction.
pub async fn delete(id: &Identity, cx: &Ctx, group_id: &str) -> Result<()> {
    let permit = cx.authorize(&DELETE_ENDPOINT_GROUP, &())?;
    let (note, group_id) = (Note::of(cx), group_id.to_owned());
    id.write(permit, "identity.endpoint_group.delete", move |tx| {
        found_in::<EndpointGroup>(tx, WHAT, &group_id)?;
        for given in tx.by(PROJECTS_WITH_GROUP, &group_id) {
            tx.delete::<ProjectEndpointGroup>(given.key().as_ref());
        }
        tx.delete::<EndpointGroup>(&group_id);
        note.deleted(tx, "endpoint_group", &group_id)
    })
    .await
}

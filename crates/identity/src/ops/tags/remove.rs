use super::{change, permitted};
use crate::{Identity, Refusal, policy::projects::DELETE_PROJECT_TAG};
use kernel::{Ctx, Result};

pub async fn remove(id: &Identity, cx: &Ctx, project_id: &str, tag: &str) -> Result<()> {
    let (project, permit) = permitted(id, cx, &DELETE_PROJECT_TAG, project_id)?;
    let tag = tag.to_owned();
    let removed = change(id, cx, permit, project, move |tags| match tags.remove(&tag) {
        true => Ok(()),
        false => Err(Refusal::not_found("project tag", tag.as_str()).into()),
    });
    removed.await.map(drop)
}

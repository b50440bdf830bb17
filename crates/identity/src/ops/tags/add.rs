use super::{change, permitted};
use crate::{Identity, Refusal, policy::projects::CREATE_PROJECT_TAG};
use kernel::{Ctx, Result};

/// A project's tags, by the API guidelines.
const MOST: usize = 80;

pub async fn add(id: &Identity, cx: &Ctx, project_id: &str, tag: &str) -> Result<()> {
    let (project, permit) = permitted(id, cx, &CREATE_PROJECT_TAG, project_id)?;
    let tag = tag.to_owned();
    let added = change(id, cx, permit, project, move |tags| {
        tags.insert(tag.clone());
        if tags.len() > MOST {
            return Err(Refusal::invalid(format!("a project can have at most {MOST} tags")).into());
        }
        Ok(())
    });
    added.await.map(drop)
}

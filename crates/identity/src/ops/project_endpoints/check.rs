use super::not_given;
use crate::{
    Identity,
    model::{Endpoint, ProjectEndpoint},
    ops::{found::found, project_or_404},
    policy::{Authorize, endpoint_filter::CHECK_ENDPOINT_IN_PROJECT},
};
use kernel::{Ctx, Result};

pub fn check(id: &Identity, cx: &Ctx, project_id: &str, endpoint_id: &str) -> Result<()> {
    let _ = cx.authorize(&CHECK_ENDPOINT_IN_PROJECT, &())?;
    let view = id.view();
    found::<Endpoint>(&view, "endpoint", endpoint_id)?;
    project_or_404(&view, project_id)?;
    match view.contains::<ProjectEndpoint>(&ProjectEndpoint::id(project_id, endpoint_id)) {
        true => Ok(()),
        false => Err(not_given(endpoint_id, project_id).into()),
    }
}

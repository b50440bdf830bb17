use crate::{
    Identity,
    model::EndpointGroup,
    ops::query::{Listed, Query},
    policy::{Authorize, endpoint_filter::LIST_ENDPOINT_GROUPS},
};
use kernel::{Ctx, Result};

pub const FILTERS: &[&str] = &["name"];

pub fn list(id: &Identity, cx: &Ctx, query: &Query) -> Result<Listed<EndpointGroup>> {
    let _ = cx.authorize(&LIST_ENDPOINT_GROUPS, &())?;
    query.page(id.view().all::<EndpointGroup>())
}

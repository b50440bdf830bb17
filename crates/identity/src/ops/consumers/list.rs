use crate::{
    Identity,
    model::Consumer,
    ops::query::{Listed, Query},
    policy::{Authorize, oauth1::LIST_CONSUMERS},
};
use kernel::{Ctx, Result};

pub const FILTERS: &[&str] = &[];

pub fn list(id: &Identity, cx: &Ctx, query: &Query) -> Result<Listed<Consumer>> {
    let _ = cx.authorize(&LIST_CONSUMERS, &())?;
    query.page(id.view().all::<Consumer>())
}

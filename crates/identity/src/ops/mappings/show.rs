use super::WHAT;
use crate::{
    Identity,
    model::Mapping,
    ops::found::found,
    policy::{Authorize, federation::GET_MAPPING},
};
use kernel::{Ctx, Result};
use std::sync::Arc;

pub fn show(id: &Identity, cx: &Ctx, mapping_id: &str) -> Result<Arc<Mapping>> {
    let _ = cx.authorize(&GET_MAPPING, &())?;
    found(&id.view(), WHAT, mapping_id)
}

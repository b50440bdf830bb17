use crate::{
    PlacementError,
    model::{RESOURCE_CLASSES, is_resource_class},
    policy::{CLASSES_LIST, CLASSES_SHOW},
};
use kernel::{Ctx, Result};
use policy::Authorize;

pub(crate) fn classes(cx: &Ctx) -> Result<&'static [&'static str]> {
    let _ = cx.authorize(&CLASSES_LIST, &())?;
    Ok(RESOURCE_CLASSES)
}

pub(crate) fn class(cx: &Ctx, name: &str) -> Result<()> {
    let _ = cx.authorize(&CLASSES_SHOW, &())?;
    let known = is_resource_class(name);
    known.then_some(()).ok_or_else(|| PlacementError::NoResourceClass(name.into()).into())
}

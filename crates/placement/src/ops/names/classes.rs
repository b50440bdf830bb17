use crate::{
    PlacementError,
    model::{CustomClass, RESOURCE_CLASSES, is_standard_class},
    policy::{CLASSES_LIST, CLASSES_SHOW},
};
use kernel::{Ctx, Result};
use policy::Authorize;
use store::{Snapshot, Tx};

pub(crate) fn classes(cx: &Ctx, snapshot: &Snapshot) -> Result<Vec<String>> {
    let _ = cx.authorize(&CLASSES_LIST, &())?;
    let custom = snapshot.all::<CustomClass>().map(|class| class.name.clone());
    Ok(RESOURCE_CLASSES.iter().map(|name| (*name).to_owned()).chain(custom).collect())
}

pub(crate) fn class(cx: &Ctx, snapshot: &Snapshot, name: &str) -> Result<()> {
    let _ = cx.authorize(&CLASSES_SHOW, &())?;
    let known = class_exists(snapshot, name);
    known.then_some(()).ok_or_else(|| PlacementError::NoResourceClass(name.into()).into())
}

pub(crate) fn class_exists(snapshot: &Snapshot, name: &str) -> bool {
    is_standard_class(name) || snapshot.contains::<CustomClass>(name)
}

/// A provider begins to use the class, which must be there.
pub(crate) fn use_class(tx: &mut Tx, name: &str) -> Result<(), PlacementError> {
    if is_standard_class(name) || tx.update::<CustomClass>(name, |_| ()).is_some() {
        return Ok(());
    }
    Err(PlacementError::NoResourceClass(name.into()))
}

use super::schema::CLASS;
use crate::{
    Content, Placement, PlacementError,
    model::{Allocation, CustomClass, Provider, is_standard_class},
    policy::{CLASSES_CREATE, CLASSES_DELETE, CLASSES_UPDATE},
};
use kernel::{Ctx, Error, Result, Timestamp};
use policy::Authorize;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use store::Tx;

#[derive(Clone, Deserialize)]
struct Named {
    name: String,
}

/// Whether a name that must be there was made for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Made {
    Now,
    Before,
}

pub(crate) async fn create(p: &Placement, cx: &Ctx, content: Content) -> Result<String> {
    let permit = cx.authorize(&CLASSES_CREATE, &())?;
    let Named { name } = content.read(&CLASS)?;
    let (class, created) = (CustomClass { name: name.clone(), created: cx.now() }, name);
    p.write(permit, "placement.resource_class.create", move |tx| {
        if tx.get::<CustomClass>(&class.name).is_some() {
            return Err(Error::conflict(format!("Conflicting resource class already exists: {}", class.name)));
        }
        tx.put(class.clone());
        Ok(())
    })
    .await?;
    Ok(created)
}

/// From 1.7 on: makes the class if there is none of that name.
pub(crate) async fn ensure(p: &Placement, cx: &Ctx, name: &str) -> Result<Made> {
    let permit = cx.authorize(&CLASSES_UPDATE, &())?;
    CLASS.check_placement("JSON does not validate", &json!({"name": name}))?;
    let class = CustomClass { name: name.to_owned(), created: cx.now() };
    p.write(permit, "placement.resource_class.ensure", move |tx| {
        if tx.get::<CustomClass>(&class.name).is_some() {
            return Ok(Made::Before);
        }
        tx.put(class.clone());
        Ok(Made::Now)
    })
    .await
}

/// Up to 1.6: another name for a class, wherever it is used.
pub(crate) async fn rename(p: &Placement, cx: &Ctx, old: &str, content: Content) -> Result<String> {
    let permit = cx.authorize(&CLASSES_UPDATE, &())?;
    let Named { name } = content.read(&CLASS)?;
    let (from, to, now) = (old.to_owned(), name.clone(), cx.now());
    p.write(permit, "placement.resource_class.rename", move |tx| renamed(tx, &from, &to, now)).await?;
    Ok(name)
}

fn renamed(tx: &mut Tx, from: &str, to: &str, now: Timestamp) -> Result<()> {
    if is_standard_class(from) {
        return Err(PlacementError::Bad(format!("Cannot update standard resource class {from}")).into());
    }
    let class = tx.get::<CustomClass>(from).ok_or_else(|| PlacementError::NoResourceClass(from.into()))?;
    if from == to {
        return Ok(());
    }
    if tx.get::<CustomClass>(to).is_some() {
        return Err(Error::conflict(format!("Resource class already exists: {to}")));
    }
    for provider in tx.by(Provider::BY_CLASS, from) {
        for allocation in tx.by(Allocation::BY_PROVIDER, &provider.id) {
            tx.update::<Allocation>(&allocation.consumer, |a| {
                if let Some(resources) = a.providers.get_mut(&provider.id) {
                    moved(resources, from, to);
                }
            });
        }
        tx.update::<Provider>(&provider.id, |p| {
            moved(&mut p.inventories, from, to);
            moved(&mut p.used, from, to);
            p.updated = now;
        });
    }
    tx.delete::<CustomClass>(from);
    tx.put(CustomClass { name: to.to_owned(), created: class.created });
    Ok(())
}

fn moved<V>(map: &mut BTreeMap<String, V>, from: &str, to: &str) {
    if let Some(value) = map.remove(from) {
        map.insert(to.to_owned(), value);
    }
}

pub(crate) async fn delete(p: &Placement, cx: &Ctx, name: &str) -> Result<()> {
    let permit = cx.authorize(&CLASSES_DELETE, &())?;
    let name = name.to_owned();
    p.write(permit, "placement.resource_class.delete", move |tx| {
        let refused = |text: String| format!("Error in delete resource class: {text}");
        if is_standard_class(&name) {
            return Err(PlacementError::Bad(refused(format!("Cannot delete standard resource class {name}."))).into());
        }
        if tx.get::<CustomClass>(&name).is_none() {
            return Err(PlacementError::NoResourceClass(name.clone()).into());
        }
        if !tx.by(Provider::BY_CLASS, &name).is_empty() {
            let text = format!("Cannot delete resource class {name}. Class is in use in inventory.");
            return Err(Error::conflict(refused(text)));
        }
        tx.delete::<CustomClass>(&name);
        Ok(())
    })
    .await
}

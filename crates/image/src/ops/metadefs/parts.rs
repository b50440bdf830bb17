//! Objects, properties, tags and associations of a namespace: named things that are listed, shown, added, replaced (under
//! another name too) and removed in the same way. [`Part`] says what sets them apart.

use super::{change, permitted};
use crate::{
    ImageService,
    model::{Association, Namespace, ObjectDefinition, PropertyDefinition, Stamps, TagDefinition},
    policy,
};
use ::policy::Rule;
use kernel::{Ctx, Error, Result, Timestamp};
use std::{collections::BTreeMap, sync::Arc};

pub(crate) trait Part: Clone + Send + Sync + 'static {
    const LIST: &'static Rule;
    const GET: &'static Rule;
    const ADD: &'static Rule;
    const DELETE: &'static Rule;
    /// `object`, as in "Metadata definition object x is protected".
    const NOUN: &'static str;

    fn all(namespace: &Namespace) -> &BTreeMap<String, Self>;
    fn all_mut(namespace: &mut Namespace) -> &mut BTreeMap<String, Self>;
    fn stamps(&mut self) -> &mut Stamps;
    fn missing(name: &str) -> Error;
    fn duplicate(name: &str, namespace: &str) -> Error;
}

/// A part that can be replaced.
pub(crate) trait Replaceable: Part {
    const MODIFY: &'static Rule;
}

macro_rules! part {
    ($type:ident, $field:ident, $noun:literal, [$list:ident, $get:ident, $add:ident, $delete:ident],
     missing $missing:literal, duplicate $duplicate:literal) => {
        impl Part for $type {
            const LIST: &'static Rule = &policy::$list;
            const GET: &'static Rule = &policy::$get;
            const ADD: &'static Rule = &policy::$add;
            const DELETE: &'static Rule = &policy::$delete;
            const NOUN: &'static str = $noun;
            fn all(namespace: &Namespace) -> &BTreeMap<String, Self> {
                &namespace.$field
            }
            fn all_mut(namespace: &mut Namespace) -> &mut BTreeMap<String, Self> {
                &mut namespace.$field
            }
            fn stamps(&mut self) -> &mut Stamps {
                &mut self.stamps
            }
            fn missing(name: &str) -> Error {
                Error::not_found(format!($missing, name))
            }
            fn duplicate(name: &str, namespace: &str) -> Error {
                Error::conflict(format!($duplicate, name, namespace))
            }
        }
    };
}

part!(ObjectDefinition, objects, "object",
    [GET_METADEF_OBJECTS, GET_METADEF_OBJECT, ADD_METADEF_OBJECT, DELETE_METADEF_OBJECT],
    missing "Could not find metadata object {}",
    duplicate "A metadata definition object with name={} already exists in namespace={}.");
part!(PropertyDefinition, properties, "property",
    [GET_METADEF_PROPERTIES, GET_METADEF_PROPERTY, ADD_METADEF_PROPERTY, REMOVE_METADEF_PROPERTY],
    missing "Could not find property {}",
    duplicate "A metadata definition property with name={} already exists in namespace={}.");
part!(TagDefinition, tags, "tag",
    [GET_METADEF_TAGS, GET_METADEF_TAG, ADD_METADEF_TAG, DELETE_METADEF_TAG],
    missing "Could not find metadata tag {}",
    duplicate "A metadata tag with name={} already exists in namespace={}.");
part!(Association, associations, "resource-type-association",
    [LIST_METADEF_RESOURCE_TYPES, GET_METADEF_RESOURCE_TYPE, ADD_METADEF_RESOURCE_TYPE_ASSOCIATION,
     REMOVE_METADEF_RESOURCE_TYPE_ASSOCIATION],
    missing "Failed to find resource type {} to delete",
    duplicate "The metadata definition resource-type association of resource-type={} to namespace={} already exists.");

impl Replaceable for ObjectDefinition {
    const MODIFY: &'static Rule = &policy::MODIFY_METADEF_OBJECT;
}
impl Replaceable for PropertyDefinition {
    const MODIFY: &'static Rule = &policy::MODIFY_METADEF_PROPERTY;
}
impl Replaceable for TagDefinition {
    const MODIFY: &'static Rule = &policy::MODIFY_METADEF_TAG;
}

/// The namespace, whose parts of this sort the caller may see.
pub(crate) fn list<P: Part>(service: &ImageService, cx: &Ctx, namespace: &str) -> Result<Arc<Namespace>> {
    permitted(service, cx, namespace, P::LIST).map(|(namespace, _)| namespace)
}

pub(crate) fn show<P: Part>(service: &ImageService, cx: &Ctx, namespace: &str, name: &str) -> Result<P> {
    let (namespace, _) = permitted(service, cx, namespace, P::GET)?;
    P::all(&namespace).get(name).cloned().ok_or_else(|| P::missing(name))
}

pub(crate) async fn add<P: Part>(
    service: &ImageService,
    cx: &Ctx,
    namespace: &str,
    name: String,
    part: P,
) -> Result<(String, P)> {
    let (_, permit) = permitted(service, cx, namespace, P::ADD)?;
    change(service, permit, namespace, move |namespace| {
        if P::all(namespace).contains_key(&name) {
            return Err(P::duplicate(&name, &namespace.name));
        }
        P::all_mut(namespace).insert(name.clone(), part.clone());
        Ok((name.clone(), part.clone()))
    })
    .await
}

/// Puts `part` where `old` was, under the name `new`.
pub(crate) async fn replace<P: Replaceable>(
    service: &ImageService,
    cx: &Ctx,
    namespace: &str,
    old: String,
    (new, part): (String, P),
) -> Result<(String, P)> {
    let (_, permit) = permitted(service, cx, namespace, P::MODIFY)?;
    let now: Timestamp = cx.now();
    change(service, permit, namespace, move |namespace| {
        let mut before = P::all(namespace).get(&old).cloned().ok_or_else(|| P::missing(&old))?;
        if new != old && P::all(namespace).contains_key(&new) {
            return Err(P::duplicate(&new, &namespace.name));
        }
        let mut after = part.clone();
        *after.stamps() = Stamps { created_at: before.stamps().created_at, updated_at: now };
        P::all_mut(namespace).remove(&old);
        P::all_mut(namespace).insert(new.clone(), after.clone());
        Ok((new.clone(), after))
    })
    .await
}

pub(crate) async fn delete<P: Part>(service: &ImageService, cx: &Ctx, namespace: &str, name: String) -> Result<()> {
    let (_, permit) = permitted(service, cx, namespace, P::DELETE)?;
    change(service, permit, namespace, move |namespace| {
        if !P::all(namespace).contains_key(&name) {
            return Err(P::missing(&name));
        }
        if namespace.protected {
            let text = format!("Metadata definition {} {name} is protected and cannot be deleted.", P::NOUN);
            return Err(Error::forbidden(text));
        }
        P::all_mut(namespace).remove(&name);
        Ok(())
    })
    .await
}

/// What becomes of the tags that are there when a set of them is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OldTags {
    Replaced,
    Kept,
}

pub(crate) async fn set_tags(
    service: &ImageService,
    cx: &Ctx,
    namespace: &str,
    names: Vec<String>,
    old: OldTags,
) -> Result<()> {
    let (_, permit) = permitted(service, cx, namespace, &policy::ADD_METADEF_TAGS)?;
    let now = cx.now();
    change(service, permit, namespace, move |namespace| {
        if old == OldTags::Replaced {
            namespace.tags.clear();
        }
        for name in &names {
            let tag = TagDefinition { stamps: Stamps::new(now) };
            if namespace.tags.insert(name.clone(), tag).is_some() {
                return Err(TagDefinition::duplicate(name, &namespace.name));
            }
        }
        Ok(())
    })
    .await
}

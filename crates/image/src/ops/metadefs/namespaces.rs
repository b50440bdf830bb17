//! Namespaces themselves.

use super::{authorize, authorize_own, change, find, fits, permitted, resource_types};
use crate::{
    ImageService,
    model::{Namespace, NamespaceVisibility},
    policy,
};
use ::policy::Authorize;
use kernel::{
    Ctx, Error, Page, ProjectId, Result,
    paging::{Direction, Paged},
};
use std::sync::Arc;

/// What a list may be narrowed to.
#[derive(Default)]
pub(crate) struct Filter {
    pub(crate) visibility: Option<NamespaceVisibility>,
    pub(crate) resource_types: Option<Vec<String>>,
}

pub(crate) fn list_namespaces(
    service: &ImageService,
    cx: &Ctx,
    filter: &Filter,
    page: &Page,
) -> Result<Paged<Arc<Namespace>>> {
    authorize_own(cx, &policy::GET_METADEF_NAMESPACES).map(drop)?;
    authorize_own(cx, &policy::LIST_METADEF_RESOURCE_TYPES).map(drop)?;
    let wanted = |n: &Namespace| {
        filter.visibility.is_none_or(|v| v == n.visibility)
            && filter.resource_types.as_ref().is_none_or(|t| t.iter().any(|t| n.associations.contains_key(t)))
            && authorize(cx, &policy::GET_METADEF_NAMESPACE, n).is_ok()
    };
    let mut found: Vec<_> = service.0.store.snapshot().all::<Namespace>().filter(|n| wanted(n)).collect();
    let (key, dir) = match page.sort.as_slice() {
        [] => ("created_at", Direction::Desc),
        [(key, dir), ..] => (key.as_str(), *dir),
    };
    match key {
        "created_at" => found.sort_by_key(|n| n.stamps.created_at),
        "updated_at" => found.sort_by_key(|n| n.stamps.updated_at),
        "namespace" => found.sort_by(|a, b| a.name.cmp(&b.name)),
        other => return Err(Error::bad_request(format!("Invalid sort key: {other}"))),
    }
    if dir == Direction::Desc {
        found.reverse();
    }
    let missing = || Error::not_found("The namespace of the marker could not be found.");
    page.cut(found, |n| &n.name).ok_or_else(missing)
}

/// A namespace with all that it defines.
pub(crate) fn show_namespace(service: &ImageService, cx: &Ctx, name: &str) -> Result<Arc<Namespace>> {
    let namespace = find(service, cx, name)?;
    for rule in [
        &policy::LIST_METADEF_RESOURCE_TYPES,
        &policy::GET_METADEF_OBJECTS,
        &policy::GET_METADEF_PROPERTIES,
        &policy::GET_METADEF_TAGS,
    ] {
        authorize(cx, rule, &namespace).map(drop)?;
    }
    Ok(namespace)
}

/// Makes a namespace, with whatever is defined in it already.
pub(crate) async fn create_namespace(service: &ImageService, cx: &Ctx, new: Namespace) -> Result<Arc<Namespace>> {
    let permit = authorize_own(cx, &policy::ADD_METADEF_NAMESPACE)?;
    for (there, rule) in [
        (!new.associations.is_empty(), &policy::ADD_METADEF_RESOURCE_TYPE_ASSOCIATION),
        (!new.objects.is_empty(), &policy::ADD_METADEF_OBJECT),
        (!new.properties.is_empty(), &policy::ADD_METADEF_PROPERTY),
        (!new.tags.is_empty(), &policy::ADD_METADEF_TAG),
    ] {
        if there {
            authorize_own(cx, rule).map(drop)?;
        }
    }
    fits(&new)?;
    let insert = move |tx: &mut store::Tx| {
        if tx.get::<Namespace>(&new.name).is_some() {
            return Err(duplicate(&new.name));
        }
        for name in new.associations.keys() {
            resource_types::ensure(tx, name, new.stamps);
        }
        Ok(tx.put(new.clone()))
    };
    service.write(permit, "image.metadef.create", insert).await
}

fn duplicate(name: &str) -> Error {
    Error::conflict(format!("The metadata definition namespace={name} already exists."))
}

/// A namespace's own attributes; what is not given takes its default, as in Glance.
pub(crate) struct Attributes {
    pub(crate) name: String,
    pub(crate) display_name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) visibility: NamespaceVisibility,
    pub(crate) protected: bool,
    pub(crate) owner: ProjectId,
}

pub(crate) async fn update_namespace(
    service: &ImageService,
    cx: &Ctx,
    name: &str,
    to: Attributes,
) -> Result<Arc<Namespace>> {
    let (found, permit) = permitted(service, cx, name, &policy::MODIFY_METADEF_NAMESPACE)?;
    let (old, now) = (found.name.clone(), cx.now());
    let write = move |tx: &mut store::Tx| {
        let mut namespace = Namespace::clone(&*tx.get::<Namespace>(&old).ok_or_else(|| super::no_namespace(&old))?);
        if to.name != old {
            if tx.get::<Namespace>(&to.name).is_some() {
                return Err(duplicate(&to.name));
            }
            tx.delete::<Namespace>(&old);
        }
        (namespace.name, namespace.owner) = (to.name.clone(), to.owner.clone());
        (namespace.display_name, namespace.description) = (to.display_name.clone(), to.description.clone());
        (namespace.visibility, namespace.protected) = (to.visibility, to.protected);
        namespace.stamps.updated_at = now;
        Ok(tx.put(namespace))
    };
    service.write(permit, "image.metadef.update", write).await
}

pub(crate) async fn delete_namespace(service: &ImageService, cx: &Ctx, name: &str) -> Result<()> {
    let (found, permit) = permitted(service, cx, name, &policy::DELETE_METADEF_NAMESPACE)?;
    let name = found.name.clone();
    let delete = move |tx: &mut store::Tx| {
        let namespace = tx.get::<Namespace>(&name).ok_or_else(|| super::no_namespace(&name))?;
        unprotected(&namespace)?;
        tx.delete::<Namespace>(&name);
        Ok(())
    };
    service.write(permit, "image.metadef.delete", delete).await
}

/// Takes all definitions of one sort out of a namespace.
pub(crate) async fn clear(
    service: &ImageService,
    cx: &Ctx,
    name: &str,
    rules: &[&'static ::policy::Rule],
    empty: fn(&mut Namespace),
) -> Result<()> {
    let (found, permit) = permitted(service, cx, name, &policy::DELETE_METADEF_NAMESPACE)?;
    for rule in rules {
        authorize(cx, rule, &found).map(drop)?;
    }
    change(service, permit, &found.name, move |namespace| {
        unprotected(namespace)?;
        empty(namespace);
        Ok(())
    })
    .await
}

fn unprotected(namespace: &Namespace) -> Result<()> {
    if namespace.protected {
        return Err(Error::forbidden(format!(
            "Metadata definition namespace {} is protected and cannot be deleted.",
            namespace.name
        )));
    }
    Ok(())
}

/// Whether the caller may know a namespace's types of resources.
pub(crate) fn shows_associations(cx: &Ctx, namespace: &Namespace) -> bool {
    let (owner, visibility) = (namespace.owner.as_str(), namespace.visibility.as_str());
    cx.allows(
        &policy::GET_METADEF_RESOURCE_TYPE,
        &::policy::target! { "project_id" => owner, "visibility" => visibility },
    )
}

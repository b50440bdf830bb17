//! Metadata definitions. Whoever may not see a namespace is told that it does not exist; who may see it and not change it is
//! refused. Everything of a namespace is changed by one transaction over its one record.

pub(crate) mod namespaces;
pub(crate) mod parts;
pub(crate) mod resource_types;

use crate::{ImageService, model::Namespace, policy};
use ::policy::{Authorize, Permit, Rule};
use kernel::{Ctx, Error, Result};
use std::sync::Arc;

/// A namespace with all that it defines is one value of the log.
const LIMIT: usize = 384 * 1024;

fn no_namespace(name: &str) -> Error {
    Error::not_found(format!("Namespace {name} not found"))
}

/// A rule about a namespace.
fn authorize(cx: &Ctx, rule: &'static Rule, namespace: &Namespace) -> Result<Permit> {
    let (owner, visibility) = (namespace.owner.as_str(), namespace.visibility.as_str());
    cx.authorize(rule, &::policy::target! { "project_id" => owner, "visibility" => visibility })
}

/// A rule about no namespace in particular: what the caller's own project may do.
fn authorize_own(cx: &Ctx, rule: &'static Rule) -> Result<Permit> {
    let project = cx.credentials.project().map_or("", |p| p.as_str());
    cx.authorize(rule, &::policy::target! { "project_id" => project })
}

/// A namespace that the caller may see.
fn find(service: &ImageService, cx: &Ctx, name: &str) -> Result<Arc<Namespace>> {
    let namespace = service.0.store.snapshot().get::<Namespace>(name).ok_or_else(|| no_namespace(name))?;
    authorize(cx, &policy::GET_METADEF_NAMESPACE, &namespace).map_err(|_| no_namespace(name)).map(drop)?;
    Ok(namespace)
}

/// A namespace and the permission to do something with it.
fn permitted(service: &ImageService, cx: &Ctx, name: &str, rule: &'static Rule) -> Result<(Arc<Namespace>, Permit)> {
    let namespace = find(service, cx, name)?;
    let permit = authorize(cx, rule, &namespace)?;
    Ok((namespace, permit))
}

/// Changes a namespace, or something in it.
async fn change<R: Send + 'static>(
    service: &ImageService,
    permit: Permit,
    name: &str,
    mut edit: impl FnMut(&mut Namespace) -> Result<R> + Send + 'static,
) -> Result<R> {
    let name = name.to_owned();
    let write = move |tx: &mut store::Tx| {
        let mut namespace = Namespace::clone(&*tx.get::<Namespace>(&name).ok_or_else(|| no_namespace(&name))?);
        let result = edit(&mut namespace)?;
        fits(&namespace)?;
        tx.put(namespace);
        Ok(result)
    };
    service.write(permit, "image.metadef.change", write).await
}

fn fits(namespace: &Namespace) -> Result<()> {
    let size = serde_json::to_vec(namespace).map_or(usize::MAX, |text| text.len());
    if size > LIMIT {
        return Err(Error::too_large(format!("The definitions of namespace {} exceed {LIMIT} bytes", namespace.name)));
    }
    Ok(())
}

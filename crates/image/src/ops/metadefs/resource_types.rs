//! Types of resources, and which namespaces describe them.

use super::{authorize_own, no_namespace, permitted};
use crate::{
    ImageService,
    model::{Association, Namespace, ResourceType, Stamps},
    ops::metadefs::parts::Part,
    policy,
};
use kernel::{Ctx, Result, Timestamp};
use std::sync::Arc;
use store::Tx;

/// Types that every cloud knows; their names are Heat's.
const WELL_KNOWN: &[&str] = &[
    "OS::Cinder::Volume",
    "OS::Glance::Image",
    "OS::Nova::Aggregate",
    "OS::Nova::Flavor",
    "OS::Nova::Server",
    "OS::Trove::Instance",
];

pub(crate) fn list_resource_types(service: &ImageService, cx: &Ctx) -> Result<Vec<Arc<ResourceType>>> {
    authorize_own(cx, &policy::LIST_METADEF_RESOURCE_TYPES).map(drop)?;
    Ok(service.0.store.snapshot().all::<ResourceType>().collect())
}

/// The type's record, made when a namespace first names it.
pub(super) fn ensure(tx: &mut Tx, name: &str, stamps: Stamps) {
    if tx.get::<ResourceType>(name).is_none() {
        tx.put(ResourceType { name: name.to_owned(), stamps });
    }
}

pub(crate) async fn associate(
    service: &ImageService,
    cx: &Ctx,
    namespace: &str,
    name: String,
    association: Association,
) -> Result<(String, Association)> {
    let (found, permit) = permitted(service, cx, namespace, &policy::ADD_METADEF_RESOURCE_TYPE_ASSOCIATION)?;
    let key = found.name.clone();
    let write = move |tx: &mut Tx| {
        let mut namespace = Namespace::clone(&*tx.get::<Namespace>(&key).ok_or_else(|| no_namespace(&key))?);
        if namespace.associations.contains_key(&name) {
            return Err(Association::duplicate(&name, &key));
        }
        namespace.associations.insert(name.clone(), association.clone());
        super::fits(&namespace)?;
        ensure(tx, &name, association.stamps);
        tx.put(namespace);
        Ok((name.clone(), association.clone()))
    };
    service.write(permit, "image.metadef.associate", write).await
}

/// The types that are there from the first start.
pub(crate) async fn seed(service: &ImageService, now: Timestamp) -> Result<()> {
    let snapshot = service.0.store.snapshot();
    if WELL_KNOWN.iter().all(|name| snapshot.contains::<ResourceType>(name)) {
        return Ok(());
    }
    let write = move |tx: &mut Tx| {
        WELL_KNOWN.iter().for_each(|name| ensure(tx, name, Stamps::new(now)));
        Ok(())
    };
    service.0.store.transact("image.metadef.seed", write).await
}

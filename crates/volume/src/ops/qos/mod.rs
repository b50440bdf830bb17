//! QoS specs and the types they are for.

use crate::{
    VolumeService, error,
    model::{QosSpecs, VolumeType},
    ops::listing::{Field, Listed, Query, Row},
    policy,
    service::authorize_own,
};
use kernel::{Ctx, Error, Result};
use std::{collections::BTreeMap, sync::Arc};
use store::Tx;

pub(crate) const CONSUMERS: &[&str] = &["front-end", "back-end", "both"];

impl Row for QosSpecs {
    const FILTERS: &'static [&'static str] = &["id", "name", "consumer"];
    const SORTS: &'static [&'static str] = &["created_at", "id", "name", "consumer"];
    fn id(&self) -> &str {
        &self.id
    }
    fn field(&self, name: &str) -> Option<Field> {
        Some(match name {
            "id" => Field::text(&self.id),
            "name" => Field::text(&self.name),
            "consumer" => Field::text(&self.consumer),
            "created_at" => Field::text(self.created_at.iso_micros()),
            _ => return None,
        })
    }
}

fn none(id: &str) -> Error {
    Error::not_found(format!("No such QoS spec {id}."))
}

pub(crate) fn list(service: &VolumeService, cx: &Ctx, query: &Query<'_>) -> Result<Listed<QosSpecs>> {
    let _read = authorize_own(cx, &policy::QOS_GET_ALL)?;
    query.run(cx, service.view().all::<QosSpecs>().collect())
}

pub(crate) fn show(service: &VolumeService, cx: &Ctx, id: &str) -> Result<Arc<QosSpecs>> {
    let _read = authorize_own(cx, &policy::QOS_GET)?;
    service.view().get::<QosSpecs>(id).ok_or_else(|| none(id))
}

/// The types that QoS specs are for.
pub(crate) fn associations(service: &VolumeService, cx: &Ctx, id: &str) -> Result<Vec<Arc<VolumeType>>> {
    let _read = authorize_own(cx, &policy::QOS_GET_ALL)?;
    let view = service.view();
    view.get::<QosSpecs>(id).ok_or_else(|| none(id))?;
    Ok(view.by(VolumeType::BY_QOS, id).collect())
}

/// `consumer` among the specs as clients send them is taken out of them.
pub(crate) fn take_consumer(specs: &mut BTreeMap<String, String>) -> Result<Option<String>> {
    let Some(consumer) = specs.remove("consumer") else { return Ok(None) };
    if CONSUMERS.contains(&consumer.as_str()) {
        return Ok(Some(consumer));
    }
    Err(Error::bad_request(format!("Invalid qos specs: Valid consumer of QoS specs are: {}", CONSUMERS.join(", "))))
}

pub(crate) async fn create(service: &VolumeService, cx: &Ctx, new: QosSpecs) -> Result<Arc<QosSpecs>> {
    let permit = authorize_own(cx, &policy::QOS_CREATE)?;
    let insert = move |tx: &mut Tx| {
        if tx.claim_unique("volume.qos", &new.name, &new.id).is_err() {
            return Err(Error::conflict(format!("QoS Specs {} already exists.", new.name)));
        }
        Ok(tx.put(new.clone()))
    };
    service.write(permit, "volume.qos.create", insert).await
}

pub(crate) async fn update(service: &VolumeService, cx: &Ctx, id: &str, more: BTreeMap<String, String>) -> Result<()> {
    let permit = authorize_own(cx, &policy::QOS_UPDATE)?;
    let id = id.to_owned();
    let write = move |tx: &mut Tx| {
        let mut specs = QosSpecs::clone(&*tx.get::<QosSpecs>(&id).ok_or_else(|| none(&id))?);
        let mut more = more.clone();
        if let Some(consumer) = take_consumer(&mut more)? {
            specs.consumer = consumer;
        }
        specs.specs.extend(more);
        tx.put(specs);
        Ok(())
    };
    service.write(permit, "volume.qos.update", write).await
}

pub(crate) async fn delete_keys(service: &VolumeService, cx: &Ctx, id: &str, keys: Vec<String>) -> Result<()> {
    let permit = authorize_own(cx, &policy::QOS_DELETE)?;
    let id = id.to_owned();
    let write = move |tx: &mut Tx| {
        let mut specs = QosSpecs::clone(&*tx.get::<QosSpecs>(&id).ok_or_else(|| none(&id))?);
        for key in &keys {
            let absent = || Error::not_found(format!("QoS spec {id} has no spec with key {key}."));
            specs.specs.remove(key).ok_or_else(absent)?;
        }
        tx.put(specs);
        Ok(())
    };
    service.write(permit, "volume.qos.delete_keys", write).await
}

pub(crate) async fn delete(service: &VolumeService, cx: &Ctx, id: &str, force: bool) -> Result<()> {
    let permit = authorize_own(cx, &policy::QOS_DELETE)?;
    let id = id.to_owned();
    let write = move |tx: &mut Tx| {
        let found = tx.get::<QosSpecs>(&id).ok_or_else(|| none(&id))?;
        let types = tx.by(VolumeType::BY_QOS, &id);
        if !types.is_empty() && !force {
            return Err(Error::bad_request("Qos specs still in use."));
        }
        for of in types {
            tx.update::<VolumeType>(&of.id, |t| t.qos = None);
        }
        tx.release_unique("volume.qos", &found.name, &id);
        tx.delete::<QosSpecs>(&id);
        Ok(())
    };
    service.write(permit, "volume.qos.delete", write).await
}

/// Has the specs be for a type, or no more for it.
pub(crate) async fn associate(service: &VolumeService, cx: &Ctx, id: &str, of: &str, on: bool) -> Result<()> {
    let permit = authorize_own(cx, &policy::QOS_UPDATE)?;
    let (id, of) = (id.to_owned(), of.to_owned());
    let write = move |tx: &mut Tx| {
        tx.get::<QosSpecs>(&id).ok_or_else(|| none(&id))?;
        let found = tx.get::<VolumeType>(&of).ok_or_else(|| error::no_type(&of))?;
        if on && found.qos.as_ref().is_some_and(|other| *other != id) {
            return Err(Error::bad_request(format!(
                "Invalid volume type: Type {of} is already associated with another qos specs: {}",
                found.qos.as_deref().unwrap_or_default()
            )));
        }
        if on || found.qos.as_ref() == Some(&id) {
            tx.update::<VolumeType>(&of, |t| t.qos = on.then(|| id.clone()));
        }
        Ok(())
    };
    service.write(permit, "volume.qos.associate", write).await
}

pub(crate) async fn disassociate_all(service: &VolumeService, cx: &Ctx, id: &str) -> Result<()> {
    let permit = authorize_own(cx, &policy::QOS_UPDATE)?;
    let id = id.to_owned();
    let write = move |tx: &mut Tx| {
        tx.get::<QosSpecs>(&id).ok_or_else(|| none(&id))?;
        for of in tx.by(VolumeType::BY_QOS, &id) {
            tx.update::<VolumeType>(&of.id, |t| t.qos = None);
        }
        Ok(())
    };
    service.write(permit, "volume.qos.disassociate_all", write).await
}

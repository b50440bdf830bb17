//! What needs a container.

use crate::{
    KeyManager, error,
    model::{Container, ContainerConsumer},
    ops::paging::{Paged, Paging},
    policy,
    service::{QUOTAS, authorize_container, claim},
};
use http::Params;
use kernel::{Ctx, Error, Result};
use serde::Deserialize;
use std::sync::Arc;
use store::Tx;

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Named {
    pub(crate) name: String,
    #[serde(rename = "URL")]
    pub(crate) url: String,
}

impl Named {
    fn is(&self, c: &ContainerConsumer) -> bool {
        (&c.name, &c.url) == (&self.name, &self.url)
    }
}

pub(crate) fn list(service: &KeyManager, cx: &Ctx, id: &str, params: &Params) -> Result<Paged<ContainerConsumer>> {
    let found = service.container(id)?;
    let operation = "ContainerConsumers(s) retrieval";
    let _read = authorize_container(cx, &policy::CONTAINER_CONSUMERS_GET, operation, &found)?;
    Ok(Paging::read(params.get("offset"), params.get("limit")).of(found.consumers.clone()))
}

pub(crate) fn show(service: &KeyManager, cx: &Ctx, id: &str, consumer: &str) -> Result<ContainerConsumer> {
    let found = service.container(id)?;
    let _read = authorize_container(cx, &policy::CONSUMER_GET, "ContainerConsumer retrieval", &found)?;
    found.consumers.iter().find(|c| c.id == consumer).cloned().ok_or_else(error::no_consumer)
}

pub(crate) async fn add(service: &KeyManager, cx: &Ctx, id: &str, named: Named) -> Result<Arc<Container>> {
    const CREATION: &str = "ContainerConsumer creation";
    let found = service.container(id)?;
    let permit = authorize_container(cx, &policy::CONTAINER_CONSUMERS_POST, CREATION, &found)?;
    let new = ContainerConsumer {
        id: kernel::ids::uuid_dashed().to_string(),
        name: named.name.clone(),
        url: named.url.clone(),
        project: cx.project()?.clone(),
        created_at: cx.now(),
    };
    let id = found.id.clone();
    let write = move |tx: &mut Tx| {
        let found = tx.get::<Container>(&id).ok_or_else(error::no_container)?;
        if found.consumers.iter().any(|c| named.is(c)) {
            return Ok(found);
        }
        claim(tx, &found.project, "consumers", CREATION)?;
        let mut changed = Container::clone(&found);
        changed.consumers.push(new.clone());
        Ok(tx.put(changed))
    };
    service.write(permit, "keymanager.container.consumer", write).await
}

pub(crate) async fn remove(service: &KeyManager, cx: &Ctx, id: &str, named: Named) -> Result<Arc<Container>> {
    let found = service.container(id)?;
    let deletion = "ContainerConsumer deletion";
    let permit = authorize_container(cx, &policy::CONTAINER_CONSUMERS_DELETE, deletion, &found)?;
    let (id, project) = (found.id.clone(), cx.project()?.clone());
    let write = move |tx: &mut Tx| {
        let found = tx.get::<Container>(&id).ok_or_else(error::no_container)?;
        let consumer = found.consumers.iter().find(|c| named.is(c)).ok_or_else(error::no_consumer)?;
        if consumer.project != project && found.project != project {
            return Err(Error::forbidden("Not Allowed. Sorry, only the creator of a consumer can delete it."));
        }
        QUOTAS.release(tx, &found.project, &[("consumers", 1)]);
        let mut changed = Container::clone(&found);
        changed.consumers.retain(|c| !named.is(c));
        Ok(tx.put(changed))
    };
    service.write(permit, "keymanager.container.consumer_removal", write).await
}

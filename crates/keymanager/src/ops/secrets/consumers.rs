//! What needs a secret.

use super::change;
use crate::{
    KeyManager, error,
    model::{Secret, SecretConsumer},
    ops::paging::{Paged, Paging},
    policy,
    service::{QUOTAS, authorize_secret, claim},
};
use http::Params;
use kernel::{Ctx, Error, Result};
use serde::Deserialize;
use std::sync::Arc;
use store::Tx;

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Named {
    pub(crate) service: String,
    pub(crate) resource_type: String,
    pub(crate) resource_id: String,
}

impl Named {
    fn is(&self, c: &SecretConsumer) -> bool {
        (&c.service, &c.resource_type, &c.resource_id) == (&self.service, &self.resource_type, &self.resource_id)
    }
}

pub(crate) fn list(service: &KeyManager, cx: &Ctx, id: &str, params: &Params) -> Result<Paged<SecretConsumer>> {
    let secret = service.secret(cx, id)?;
    let _read = authorize_secret(cx, &policy::SECRET_CONSUMERS_GET, "SecretConsumers(s) retrieval", &secret)?;
    Ok(Paging::read(params.get("offset"), params.get("limit")).of(secret.consumers.clone()))
}

pub(crate) async fn add(service: &KeyManager, cx: &Ctx, id: &str, named: Named) -> Result<Arc<Secret>> {
    const CREATION: &str = "SecretConsumer creation";
    let secret = service.secret(cx, id)?;
    let permit = authorize_secret(cx, &policy::SECRET_CONSUMERS_POST, CREATION, &secret)?;
    let (id, project, now) = (secret.id.clone(), cx.project()?.clone(), cx.now());
    let write = move |tx: &mut Tx| {
        let secret = tx.get::<Secret>(&id).ok_or_else(error::no_secret)?;
        if secret.consumers.iter().any(|c| named.is(c)) {
            return Ok(secret);
        }
        claim(tx, &secret.project, "consumers", CREATION)?;
        let new = SecretConsumer {
            service: named.service.clone(),
            resource_type: named.resource_type.clone(),
            resource_id: named.resource_id.clone(),
            project: project.clone(),
            created_at: now,
        };
        change(tx, &id, now, |s| s.consumers.push(new))
    };
    service.write(permit, "keymanager.secret.consumer", write).await
}

pub(crate) async fn remove(service: &KeyManager, cx: &Ctx, id: &str, named: Named) -> Result<Arc<Secret>> {
    let secret = service.secret(cx, id)?;
    let permit = authorize_secret(cx, &policy::SECRET_CONSUMERS_DELETE, "SecretConsumer deletion", &secret)?;
    let (id, project, now) = (secret.id.clone(), cx.project()?.clone(), cx.now());
    let write = move |tx: &mut Tx| {
        let secret = tx.get::<Secret>(&id).ok_or_else(error::no_secret)?;
        let found = secret.consumers.iter().find(|c| named.is(c)).ok_or_else(error::no_consumer)?;
        if found.project != project && secret.project != project {
            return Err(Error::forbidden("Not Allowed. Sorry, only the creator of a consumer can delete it."));
        }
        QUOTAS.release(tx, &secret.project, &[("consumers", 1)]);
        change(tx, &id, now, |s| s.consumers.retain(|c| !named.is(c)))
    };
    service.write(permit, "keymanager.secret.consumer_removal", write).await
}

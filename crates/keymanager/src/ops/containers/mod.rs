//! Containers: secrets of one project under names.

pub(crate) mod consumers;
pub(crate) mod create;
pub(crate) mod members;

use crate::{
    KeyManager, error,
    model::Container,
    ops::paging::{Paged, Paging},
    policy,
    service::{QUOTAS, authorize, authorize_container},
};
use http::Params;
use kernel::{Ctx, Result};
use std::sync::Arc;
use store::Tx;

pub(crate) fn show(service: &KeyManager, cx: &Ctx, id: &str) -> Result<Arc<Container>> {
    let found = service.container(id)?;
    let _read = authorize_container(cx, &policy::CONTAINER_GET, "Container retrieval", &found)?;
    Ok(found)
}

pub(crate) fn list(service: &KeyManager, cx: &Ctx, params: &Params) -> Result<Paged<Arc<Container>>> {
    let _read = authorize(cx, &policy::CONTAINERS_GET, "Containers(s) retrieval")?;
    let text = |key| params.get(key).filter(|text| !text.is_empty());
    let (name, kind) = (text("name"), text("type"));
    let fits = |c: &Arc<Container>| {
        name.is_none_or(|n| c.name.as_deref() == Some(n)) && kind.is_none_or(|k| c.kind.as_str() == k)
    };
    let view = service.view();
    let mut found: Vec<_> = view.by(Container::BY_PROJECT, cx.project()?).filter(fits).collect();
    found.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
    Ok(Paging::read(params.get("offset"), params.get("limit")).of(found))
}

pub(crate) async fn delete(service: &KeyManager, cx: &Ctx, id: &str) -> Result<()> {
    let found = service.container(id)?;
    let permit = authorize_container(cx, &policy::CONTAINER_DELETE, "Container deletion", &found)?;
    let id = found.id.clone();
    let write = move |tx: &mut Tx| {
        let found = tx.get::<Container>(&id).ok_or_else(error::no_container)?;
        let consumers = i64::try_from(found.consumers.len()).unwrap_or(0);
        QUOTAS.release(tx, &found.project, &[("containers", 1), ("consumers", consumers)]);
        tx.delete::<Container>(&id);
        Ok(())
    };
    service.write(permit, "keymanager.container.delete", write).await
}

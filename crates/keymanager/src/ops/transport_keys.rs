//! Transport keys: public keys that an administrator notes for clients.

use crate::{
    KeyManager, error,
    model::TransportKey,
    ops::paging::{Paged, Paging},
    policy,
    service::authorize,
};
use http::Params;
use kernel::{Ctx, Error, Result};
use serde::Deserialize;
use std::sync::Arc;
use store::Tx;

#[derive(Debug, Deserialize)]
pub(crate) struct NewTransportKey {
    pub(crate) plugin_name: Option<String>,
    pub(crate) transport_key: Option<String>,
}

fn none() -> Error {
    Error::not_found("Not Found. Transport Key not found.")
}

pub(crate) fn list(service: &KeyManager, cx: &Ctx, params: &Params) -> Result<Paged<Arc<TransportKey>>> {
    let _read = authorize(cx, &policy::TRANSPORT_KEYS_GET, "Transport Key(s) retrieval")?;
    let plugin = params.get("plugin_name");
    let view = service.view();
    let mut found: Vec<_> =
        view.all::<TransportKey>().filter(|k| plugin.is_none_or(|name| k.plugin_name == name)).collect();
    found.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
    Ok(Paging::read(params.get("offset"), params.get("limit")).of(found))
}

pub(crate) fn show(service: &KeyManager, cx: &Ctx, id: &str) -> Result<Arc<TransportKey>> {
    let _read = authorize(cx, &policy::TRANSPORT_KEY_GET, "Transport Key retrieval")?;
    service.view().get::<TransportKey>(id).ok_or_else(none)
}

pub(crate) async fn create(service: &KeyManager, cx: &Ctx, new: NewTransportKey) -> Result<Arc<TransportKey>> {
    let permit = authorize(cx, &policy::TRANSPORT_KEYS_POST, "Transport Key Creation")?;
    let text = |value: Option<String>, field: &str| {
        let value = value.map(|v| v.trim().to_owned()).filter(|v| !v.is_empty());
        value.ok_or_else(|| error::unfit("Transport Key", field, format!("{field} must be provided")))
    };
    let key = TransportKey {
        id: kernel::ids::uuid_dashed().to_string(),
        plugin_name: text(new.plugin_name, "plugin_name")?,
        transport_key: text(new.transport_key, "transport_key")?,
        created_at: cx.now(),
    };
    service.write(permit, "keymanager.transport_key.create", move |tx: &mut Tx| Ok(tx.put(key.clone()))).await
}

pub(crate) async fn delete(service: &KeyManager, cx: &Ctx, id: &str) -> Result<()> {
    let permit = authorize(cx, &policy::TRANSPORT_KEY_DELETE, "Transport Key deletion")?;
    let id = id.to_owned();
    let write = move |tx: &mut Tx| if tx.delete::<TransportKey>(&id) { Ok(()) } else { Err(none()) };
    service.write(permit, "keymanager.transport_key.delete", write).await
}

//! Secret stores: one, which projects may say that they prefer.

use crate::{
    KeyManager,
    model::{PreferredStore, SecretStore},
    policy,
    service::{STORE, authorize},
};
use kernel::{Ctx, Error, Result};
use std::sync::Arc;
use store::Tx;

fn the_store(service: &KeyManager) -> Result<Arc<SecretStore>> {
    service.view().get::<SecretStore>(STORE).ok_or_else(|| Error::unavailable("the key manager is being set up"))
}

fn named(service: &KeyManager, id: &str) -> Result<Arc<SecretStore>> {
    let found = the_store(service)?;
    if found.id == id { Ok(found) } else { Err(Error::not_found("Not Found. Secret store not found.")) }
}

fn not_preferred() -> Error {
    Error::not_found("Not Found. No preferred secret store defined for this project.")
}

pub(crate) fn list(service: &KeyManager, cx: &Ctx) -> Result<Arc<SecretStore>> {
    let _read = authorize(cx, &policy::STORES_GET, "List available secret stores")?;
    the_store(service)
}

pub(crate) fn show(service: &KeyManager, cx: &Ctx, id: &str) -> Result<Arc<SecretStore>> {
    let found = named(service, id)?;
    let _read = authorize(cx, &policy::STORE_GET, "Secret store retrieval")?;
    Ok(found)
}

pub(crate) fn default(service: &KeyManager, cx: &Ctx) -> Result<Arc<SecretStore>> {
    let _read = authorize(cx, &policy::STORES_DEFAULT, "Retrieve global default secret store")?;
    the_store(service)
}

pub(crate) fn preferred(service: &KeyManager, cx: &Ctx) -> Result<Arc<SecretStore>> {
    let _read = authorize(cx, &policy::STORES_PREFERRED, "Retrieve project preferred store")?;
    let preferred = service.view().get::<PreferredStore>(cx.project()?).ok_or_else(not_preferred)?;
    named(service, &preferred.store)
}

pub(crate) async fn prefer(service: &KeyManager, cx: &Ctx, id: &str) -> Result<()> {
    let found = named(service, id)?;
    let permit = authorize(cx, &policy::PREFERRED_POST, "Setting preferred secret store")?;
    let preferred = PreferredStore { project: cx.project()?.clone(), store: found.id.clone() };
    let write = move |tx: &mut Tx| {
        tx.put(preferred.clone());
        Ok(())
    };
    service.write(permit, "keymanager.store.prefer", write).await
}

pub(crate) async fn prefer_none(service: &KeyManager, cx: &Ctx, id: &str) -> Result<()> {
    named(service, id)?;
    let permit = authorize(cx, &policy::PREFERRED_DELETE, "Removing preferred secret store")?;
    let project = cx.project()?.clone();
    let write = move |tx: &mut Tx| if tx.delete::<PreferredStore>(&project) { Ok(()) } else { Err(not_preferred()) };
    service.write(permit, "keymanager.store.prefer_none", write).await
}

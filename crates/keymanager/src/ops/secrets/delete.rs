//! Deletes a secret. From 1.2 on one that something needs is kept, unless it is forced.

use super::remove;
use crate::{KeyManager, error, model::Secret, policy, service::authorize_secret};
use kernel::{Ctx, Kind, Result};
use store::Tx;

pub(crate) async fn delete(service: &KeyManager, cx: &Ctx, id: &str, force: Option<&str>) -> Result<()> {
    const DELETION: &str = "Secret deletion";
    let secret = service.secret(cx, id)?;
    let permit = authorize_secret(cx, &policy::SECRET_DELETE, DELETION, &secret)?;
    let guarded = cx.version.since(1, 2) && !read_force(force)?;
    let id = secret.id.clone();
    let write = move |tx: &mut Tx| {
        if guarded && tx.get::<Secret>(&id).is_some_and(|s| !s.consumers.is_empty()) {
            return Err(error::issue(Kind::BadRequest, DELETION, "Secret cannot be deleted as it has consumers."));
        }
        remove(tx, &id);
        Ok(())
    };
    service.write(permit, "keymanager.secret.delete", write).await
}

fn read_force(text: Option<&str>) -> Result<bool> {
    match text.map(str::to_ascii_lowercase).as_deref() {
        None => Ok(false),
        Some("1" | "t" | "true" | "on" | "y" | "yes") => Ok(true),
        Some("0" | "f" | "false" | "off" | "n" | "no") => Ok(false),
        Some(_) => Err(error::bad_query()),
    }
}

use super::absent;
use crate::{
    Identity,
    model::Protocol,
    ops::audit::Note,
    policy::{Authorize, federation::DELETE_PROTOCOL},
};
use kernel::{Ctx, Result};

pub async fn delete(id: &Identity, cx: &Ctx, provider: &str, protocol: &str) -> Result<()> {
    let permit = cx.authorize(&DELETE_PROTOCOL, &())?;
    let (note, key, gone) = (Note::of(cx), Protocol::key_of(provider, protocol), absent(provider, protocol));
    id.write(permit, "identity.protocol.delete", move |tx| {
        if !tx.delete::<Protocol>(&key) {
            return Err(gone.clone().into());
        }
        note.deleted(tx, "federation_protocol", &key)
    })
    .await
}

use super::{find_in, permitted};
use crate::{
    Compute, ComputeError,
    error::invalid,
    model::Server,
    policy::{PASSWORD_CLEAR, PASSWORD_SHOW},
};
use kernel::{Ctx, Result, ServerId};

/// What a guest may post: Nova keeps four pieces of 255 characters.
const LONGEST: usize = 4 * 255;

impl Compute {
    /// Takes the encrypted password that a guest posts to its metadata service. It may do so once, until somebody clears it.
    pub async fn post_password(&self, server: &ServerId, password: String) -> Result<()> {
        if password.len() > LONGEST {
            return Err(invalid("Password is too long."));
        }
        let id = server.clone();
        let posted = self.store.transact("compute.server.password", move |tx| {
            let server = tx.get::<Server>(&id).ok_or_else(|| ComputeError::NoServer(id.to_string()))?;
            if server.password.is_some() {
                return Err(ComputeError::Conflict("The password has been posted already.".into()).into());
            }
            let password = password.clone();
            tx.update::<Server>(&id, |s| s.password = Some(password));
            Ok(())
        });
        posted.await
    }
}

pub(crate) async fn password(c: &Compute, cx: &Ctx, id: &str) -> Result<String> {
    let (server, _permit) = permitted(cx, &c.store.read().await?, id, &PASSWORD_SHOW)?;
    Ok(server.password.clone().unwrap_or_default())
}

pub(crate) async fn clear_password(c: &Compute, cx: &Ctx, id: &str) -> Result<()> {
    let (server, _permit) = permitted(cx, &c.store.read().await?, id, &PASSWORD_CLEAR)?;
    let cx = cx.clone();
    let cleared = c.store.transact("compute.server.password", move |tx| {
        let server = find_in(&cx, tx, &server.id)?;
        tx.update::<Server>(&server.id, |s| s.password = None);
        Ok(())
    });
    cleared.await
}

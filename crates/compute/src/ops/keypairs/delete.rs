use super::whose;
use crate::{Compute, ComputeError, model::Keypair, policy::KEYPAIRS_DELETE};
use kernel::{Ctx, Result};

/// Deletes a key pair. Servers keep their copies.
pub(crate) async fn delete(c: &Compute, cx: &Ctx, name: &str, user: Option<&str>) -> Result<()> {
    let (user, _permit) = whose(cx, &KEYPAIRS_DELETE, user)?;
    let name = name.to_owned();
    let deleted = c.store.transact("compute.keypair.delete", move |tx| {
        let missing = || ComputeError::NoKeypair { name: name.clone(), user: user.to_string() };
        let was = tx.delete::<Keypair>(&Keypair::id(&user, &name));
        was.then_some(()).ok_or_else(|| missing().into())
    });
    deleted.await
}

use super::whose;
use crate::{Compute, ComputeError, model::Keypair, policy::KEYPAIRS_SHOW};
use kernel::{Ctx, Result};
use std::sync::Arc;

pub(crate) async fn show(c: &Compute, cx: &Ctx, name: &str, user: Option<&str>) -> Result<Arc<Keypair>> {
    let (user, _permit) = whose(cx, &KEYPAIRS_SHOW, user)?;
    let found = c.store.read().await?.get::<Keypair>(&Keypair::id(&user, name));
    found.ok_or_else(|| ComputeError::NoKeypair { name: name.into(), user: user.to_string() }.into())
}

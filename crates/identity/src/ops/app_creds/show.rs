use super::{Full, not_delegated};
use crate::{
    Identity, Refusal,
    model::ApplicationCredential,
    ops::on::On,
    policy::{Authorize, app_creds::GET_APPLICATION_CREDENTIAL},
};
use kernel::{Ctx, Result};

/// The owner that policy sees is that of the credential, not the one in the path, which anybody can write there.
pub fn show(id: &Identity, cx: &Ctx, user_id: &str, app_cred_id: &str) -> Result<Full> {
    let view = id.view();
    let found = view.get::<ApplicationCredential>(app_cred_id);
    let owner = found.as_ref().map_or(user_id, |a| a.user.as_str());
    let _ = cx.authorize(&GET_APPLICATION_CREDENTIAL, &On::default().with("user_id", owner))?;
    not_delegated(cx)?;
    let found = found.ok_or_else(|| Refusal::not_found("Application Credential", app_cred_id))?;
    Ok(Full::of(&view, found))
}

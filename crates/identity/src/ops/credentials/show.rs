use super::{Opened, open, primary};
use crate::{
    Identity, Refusal,
    model::{Credential, Fields},
    ops::on::On,
    policy::{Authorize, credentials::GET_CREDENTIAL},
};
use kernel::{Ctx, Result};

pub fn show(id: &Identity, cx: &Ctx, credential_id: &str) -> Result<Opened> {
    let view = id.view();
    let found = view.get::<Credential>(credential_id);
    let on = On::default().object("credential", found.as_deref().map(|c| c as &dyn Fields));
    let _ = cx.authorize(&GET_CREDENTIAL, &on)?;
    let found = found.ok_or_else(|| Refusal::not_found("credential", credential_id))?;
    primary(cx)?;
    open(id, &view, found)
}

use super::{Opened, open, primary};
use crate::{
    Identity,
    model::{Credential, Fields, credential::OF_USER},
    ops::{on::On, query::Query},
    policy::{
        Authorize,
        credentials::{GET_CREDENTIAL, LIST_CREDENTIALS},
    },
};
use kernel::{Ctx, Result};
use std::sync::Arc;

pub const FILTERS: &[&str] = &["user_id", "type"];

/// The credentials that the caller may see one by one, and whether there are more.
pub fn list(id: &Identity, cx: &Ctx, query: &Query) -> Result<(Vec<Opened>, bool)> {
    let own = (!cx.credentials.is_system()).then_some(cx.credentials.user.as_str());
    let _ = cx.authorize(&LIST_CREDENTIALS, &On::default().maybe("target.credential.user_id", own))?;
    let view = id.view();
    let visible = |c: &Arc<Credential>| {
        let on = On::default().object("credential", Some(&**c as &dyn Fields));
        cx.allows(&GET_CREDENTIAL, &on) && primary(cx).is_ok()
    };
    let listed = match query.exact("user_id") {
        Some(user) => query.page(view.by(OF_USER, user).filter(visible))?,
        None => query.page(view.all::<Credential>().filter(visible))?,
    };
    let opened = listed.items.into_iter().map(|c| open(id, &view, c)).collect::<Result<_>>()?;
    Ok((opened, listed.truncated))
}

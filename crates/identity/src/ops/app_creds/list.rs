use super::{Full, not_delegated};
use crate::{
    Identity,
    model::app_cred::OF_USER,
    ops::{on::On, query::Query},
    policy::{Authorize, app_creds::LIST_APPLICATION_CREDENTIALS},
};
use kernel::{Ctx, Result};

pub const FILTERS: &[&str] = &["name"];

/// The page, and whether there is more.
pub fn list(id: &Identity, cx: &Ctx, user_id: &str, query: &Query) -> Result<(Vec<Full>, bool)> {
    let _ = cx.authorize(&LIST_APPLICATION_CREDENTIALS, &On::default().with("user_id", user_id))?;
    not_delegated(cx)?;
    let view = id.view();
    let listed = query.page(view.by(OF_USER, user_id))?;
    Ok((listed.items.into_iter().map(|a| Full::of(&view, a)).collect(), listed.truncated))
}

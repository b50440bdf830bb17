use super::primary;
use crate::{
    Identity,
    model::{AccessToken, oauth1::OF_USER},
    ops::{
        on::On,
        query::{Listed, Query},
    },
    policy::{Authorize, oauth1::LIST_ACCESS_TOKENS},
};
use kernel::{Ctx, Result};

pub const FILTERS: &[&str] = &[];

pub fn list(id: &Identity, cx: &Ctx, user_id: &str, query: &Query) -> Result<Listed<AccessToken>> {
    let _ = cx.authorize(&LIST_ACCESS_TOKENS, &On::default().with("user_id", user_id))?;
    primary(cx)?;
    query.page(id.view().by(OF_USER, user_id))
}

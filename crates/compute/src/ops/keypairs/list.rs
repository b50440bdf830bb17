use super::whose;
use crate::{Compute, error::invalid, model::Keypair, ops::servers::MAX_LIMIT, policy::KEYPAIRS_INDEX};
use http::Params;
use kernel::{Ctx, Page, Result};
use std::sync::Arc;

/// A user's key pairs by name, from 2.35 on in pages; and whether to offer a next one.
pub(crate) async fn list(c: &Compute, cx: &Ctx, params: &Params) -> Result<(Vec<Arc<Keypair>>, bool)> {
    let (user, _permit) = whose(cx, &KEYPAIRS_INDEX, params.get("user_id"))?;
    let prefix = Keypair::id(&user, "");
    let all: Vec<_> = c.store.read().await?.with_prefix::<Keypair>(&prefix).collect();
    let page = if cx.version.since(2, 35) { params.page(MAX_LIMIT)? } else { Page::default() };
    let paged = page.cut(all, |k| k.name.as_str());
    let marker = params.get("marker").unwrap_or_default();
    let items = paged.ok_or_else(|| invalid(format!("marker [{marker}] not found")))?.items;
    let full = page.limit.is_some_and(|limit| limit > 0 && items.len() == limit);
    Ok((items, full))
}

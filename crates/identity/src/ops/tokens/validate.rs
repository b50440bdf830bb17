//! From a token's text to credentials, for every request of every service.

use super::{
    cache::{Entry, TokenCache},
    resolve::{Moment, resolve},
    text,
};
use crate::{Identity, Refusal};
use async_trait::async_trait;
use kernel::{Credentials, Result, TokenValidator};
use std::{sync::Arc, time::Duration};

/// Keystone's tokens have at most 255 characters; ids of 64 characters make ours longer.
const LONGEST: usize = 1024;

#[async_trait]
impl TokenValidator for Identity {
    async fn validate(&self, token: &str) -> Result<Arc<Credentials>> {
        lookup(self, token, Duration::ZERO).map(|entry| Arc::clone(&entry.credentials))
    }
}

/// A valid token; `window` after its end it is still found. Errors: `Unauthorized`, whose reason is for the log.
pub(crate) fn lookup(id: &Identity, token: &str, window: Duration) -> Result<Arc<Entry>> {
    let void = |why| Refusal::Unauthorized(why);
    if token.is_empty() || token.len() > LONGEST {
        return Err(void("not a token").into());
    }
    let (view, now) = (id.view(), id.now());
    let hash = TokenCache::hash(token);
    let known = id.tokens().get(&hash);
    let payload = match &known {
        Some(entry) if entry.same_keys(&view) => Arc::clone(&entry.payload),
        _ => Arc::new(text::read(id, &view, token)?.ok_or(void("not a token of ours"))?),
    };
    if now >= payload.expires.plus(window) {
        return Err(void("expired").into());
    }
    let inactive_days = id.config().passwords.disable_after_inactive_days;
    // Accounts that fall asleep do so by time alone, which no stamp shows.
    if let Some(entry) = known.filter(|entry| inactive_days == 0 && entry.is_current(&view)) {
        return Ok(entry);
    }
    let resolved = resolve(&view, Arc::clone(&payload), Moment { now, inactive_days }).map_err(|why| void(why.0))?;
    let entry = Arc::new(Entry::new(payload, resolved, &view));
    id.tokens().put(hash, Arc::clone(&entry));
    Ok(entry)
}

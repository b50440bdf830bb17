//! Somebody asks about a token: the service that got it, or its owner.

use super::{cache::Entry, lookup};
use crate::{
    Identity, Refusal,
    ops::on::On,
    policy::{Authorize, Permit, tokens},
};
use kernel::{Ctx, Error, Kind, Result};
use std::{sync::Arc, time::Duration};

/// The token asked about.
#[derive(Clone, Debug, Default)]
pub struct Subject<'a> {
    pub token: Option<&'a str>,
    pub allow_expired: bool,
    /// Whether who asks will enforce access rules (`OpenStack-Identity-Access-Rules`).
    pub knows_access_rules: bool,
}

/// What for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Check,
    Validate,
    Revoke,
}

pub fn show(id: &Identity, cx: &Ctx, subject: &Subject<'_>, purpose: Purpose) -> Result<(Arc<Entry>, Permit)> {
    let found = find(id, subject)?;
    let rule = match purpose {
        Purpose::Check => &tokens::CHECK_TOKEN,
        Purpose::Validate => &tokens::VALIDATE_TOKEN,
        Purpose::Revoke => &tokens::REVOKE_TOKEN,
    };
    let user = &found.token.user;
    let on = On::default().with("target.token.user_id", &user.id).with("target.token.user.domain.id", &user.domain);
    let permit = cx.authorize(rule, &on)?;
    Ok((found, permit))
}

/// As in Keystone the token is looked at first: 404 for one that is not valid, whoever asks.
fn find(id: &Identity, subject: &Subject<'_>) -> Result<Arc<Entry>> {
    let Some(text) = subject.token.filter(|t| !t.is_empty()) else {
        return Err(Refusal::Absent("No token in the request".into()).into());
    };
    let window = if subject.allow_expired { id.config().tokens.allow_expired_window } else { 0 };
    let found = lookup(id, text, Duration::from_secs(window)).map_err(absent)?;
    if found.token.has_access_rules() && !subject.knows_access_rules {
        return Err(Refusal::Absent("Failed to validate token".into()).into());
    }
    Ok(found)
}

/// A token that is not valid is not there, for who asks about it or wants another for it (as in Keystone).
pub(super) fn absent(error: Error) -> Error {
    if !error.is(Kind::Unauthorized) {
        return error;
    }
    Error::from(Refusal::Absent("Failed to validate token".into())).with_internal(error.internal_text())
}

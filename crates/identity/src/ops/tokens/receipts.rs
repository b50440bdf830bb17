//! Several factors: a user's `multi_factor_auth_rules`, and the receipt for those that were passed while more are needed.
//!
//! ```text
//!   password ─▶ 401 + receipt (password) ─▶ totp + receipt ─▶ token (password, totp)
//! ```

use super::methods::Proven;
use crate::{
    Identity, Refusal,
    model::{Project, Purpose, User, project, receipt, token::Method},
};
use kernel::{Error, Result};
use std::{sync::Arc, time::Duration};

/// How long one may take for the next factor (Keystone's default).
const LIFETIME: Duration = Duration::from_secs(300);
/// No receipt is longer.
const LONGEST: usize = 1024;

pub struct Receipt {
    /// The text that clients send back.
    pub sealed: String,
    pub content: receipt::Receipt,
    pub user: Arc<User>,
    pub user_domain: Arc<Project>,
    /// Each is enough together with what was passed.
    pub rules: Vec<Vec<Method>>,
}

/// Counts the methods of an earlier login of the same user.
pub(super) fn add(id: &Identity, proven: &mut Proven, sealed: Option<&str>) -> Result<()> {
    let Some(sealed) = sealed else { return Ok(()) };
    let void = Refusal::Unauthorized;
    if sealed.len() > LONGEST {
        return Err(void("not a receipt").into());
    }
    let opened = id.rings().open(&id.view(), Purpose::Tokens, sealed)?;
    let receipt = opened.and_then(|octets| receipt::Receipt::decode(&octets)).ok_or(void("not a receipt of ours"))?;
    if id.now() >= receipt.expires {
        return Err(void("the receipt is expired").into());
    }
    if receipt.user != proven.user.id {
        return Err(void("the receipt is of another user").into());
    }
    proven.methods.extend(receipt.methods);
    Ok(())
}

/// The rules, if none is met. Rules of methods that nobody can use here do not count, so that a wrong rule locks nobody out
/// (as in Keystone).
pub(super) fn missing(proven: &Proven) -> Option<Vec<Vec<Method>>> {
    let options = &proven.user.options;
    if options.get("multi_factor_auth_enabled") == Some(&false.into()) {
        return None;
    }
    let usable = |name: &serde_json::Value| {
        let method = name.as_str().and_then(Method::named)?;
        let known = matches!(
            method,
            Method::Password | Method::Token | Method::ApplicationCredential | Method::Totp | Method::Oauth1
        );
        known.then_some(method)
    };
    let rules = options.get("multi_factor_auth_rules").and_then(|r| r.as_array()).into_iter().flatten();
    let rules = rules.filter_map(|rule| rule.as_array()).map(|rule| rule.iter().filter_map(usable).collect::<Vec<_>>());
    let rules: Vec<_> = rules.filter(|rule| !rule.is_empty()).collect();
    let met = rules.is_empty() || rules.iter().any(|rule| rule.iter().all(|m| proven.methods.contains(m)));
    (!met).then_some(rules)
}

pub(super) fn make(id: &Identity, proven: &Proven, rules: Vec<Vec<Method>>) -> Result<Receipt> {
    let view = id.view();
    let mut methods = proven.methods.clone();
    methods.sort_unstable();
    methods.dedup();
    let now = id.now();
    let content = receipt::Receipt { user: proven.user.id.clone(), methods, issued: now, expires: now.plus(LIFETIME) };
    let sealed = id.rings().seal(&view, Purpose::Tokens, &content.encode())?;
    let user_domain = project::find_domain(&view, &proven.user.domain);
    let user_domain = user_domain.ok_or_else(|| Error::internal("making a receipt: the user's domain is gone"))?;
    Ok(Receipt { sealed, content, user: Arc::clone(&proven.user), user_domain, rules })
}

use super::{Part, absent, domain_or_404, invalid, shown};
use crate::{
    Identity,
    model::DomainConfig,
    policy::{
        Authorize,
        domain_config::{GET_DOMAIN_CONFIG, GET_SECURITY_COMPLIANCE_DOMAIN_CONFIG},
    },
};
use kernel::{Ctx, Result};
use serde_json::{Value, json};

const COMPLIANCE: &str = "security_compliance";

/// What the domain sets; of its passwords' rules, what everybody may know who has to think of one.
pub fn show(id: &Identity, cx: &Ctx, domain: &str, part: Part<'_>) -> Result<Value> {
    if part.group == Some(COMPLIANCE) {
        let _ = cx.authorize(&GET_SECURITY_COMPLIANCE_DOMAIN_CONFIG, &())?;
        domain_or_404(id, domain)?;
        return compliance(id, domain, part.option);
    }
    let _ = cx.authorize(&GET_DOMAIN_CONFIG, &())?;
    domain_or_404(id, domain)?;
    part.known()?;
    let found = id.view().get::<DomainConfig>(domain);
    let view = found.and_then(|config| shown(&config, &part));
    view.ok_or_else(|| absent(domain, &part).into())
}

/// The rules are those of the whole cloud, told for the default domain.
fn compliance(id: &Identity, domain: &str, option: Option<&str>) -> Result<Value> {
    if domain != id.config().default_domain {
        let reason = "Reading security compliance information for any domain other than the default domain is not \
                      allowed or supported.";
        return Err(invalid(reason).into());
    }
    let passwords = &id.config().passwords;
    let description = (!passwords.regex_description.is_empty()).then_some(&passwords.regex_description);
    let rules = [("password_regex", json!(passwords.regex)), ("password_regex_description", json!(description))];
    let Some(option) = option else {
        let [(a, x), (b, y)] = rules;
        return Ok(json!({COMPLIANCE: {a: x, b: y}}));
    };
    let found = rules.into_iter().find(|(name, _)| *name == option).map(|(name, value)| json!({name: value}));
    let reason = "Reading security compliance values other than password_regex and password_regex_description is not \
                  allowed.";
    found.ok_or_else(|| invalid(reason).into())
}

use super::{Part, invalid, supported};
use crate::{
    Identity,
    model::domain_config::{GROUPS, defaults, is_secret},
    policy::{Authorize, domain_config::GET_DOMAIN_CONFIG_DEFAULT},
};
use kernel::{Ctx, Result};
use serde_json::{Map, Value, json};

/// What holds for a domain that sets nothing.
pub fn default(id: &Identity, cx: &Ctx, part: Part<'_>) -> Result<Value> {
    let _ = cx.authorize(&GET_DOMAIN_CONFIG_DEFAULT, &())?;
    let of = |group: &str| defaults(group, id.config().list_limit).unwrap_or_default();
    let Some(group) = part.group else {
        let all: Map<_, _> = GROUPS.iter().map(|group| ((*group).to_owned(), json!(of(group)))).collect();
        return Ok(Value::Object(all));
    };
    supported(group, part.option)?;
    let Some(option) = part.option else { return Ok(json!({group: of(group)})) };
    if is_secret(group, option) {
        return Err(
            invalid(&format!("Reading the default for option {option} in group {group} is not supported")).into()
        );
    }
    Ok(json!({option: of(group).get(option)}))
}

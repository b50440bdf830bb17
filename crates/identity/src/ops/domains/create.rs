use crate::{
    Identity, Refusal,
    model::{Options, Project, merge_options},
    ops::{fields, projects},
    policy::{Authorize, domains::CREATE_DOMAIN},
};
use kernel::{Ctx, ProjectId, Result};
use serde::Deserialize;
use std::{collections::BTreeSet, sync::Arc};

#[derive(Deserialize)]
pub struct New {
    pub name: String,
    #[serde(default = "fields::yes")]
    pub enabled: bool,
    #[serde(default, deserialize_with = "fields::given")]
    pub description: Option<Option<String>>,
    #[serde(default)]
    pub tags: BTreeSet<String>,
    #[serde(default)]
    pub options: Options,
    /// An id instead of a random one: 32 hex digits of a UUID.
    pub explicit_domain_id: Option<String>,
}

pub async fn create(id: &Identity, cx: &Ctx, new: New) -> Result<Arc<Project>> {
    let permit = cx.authorize(&CREATE_DOMAIN, &())?;
    let domain_id = match new.explicit_domain_id {
        Some(given) => well_formed(&given)?,
        None => ProjectId::new_hex(),
    };
    let mut options = Options::new();
    merge_options(&mut options, &new.options);
    let domain = Project {
        id: domain_id,
        name: new.name.trim().to_owned(),
        domain: None,
        parent: None,
        enabled: new.enabled,
        description: new.description.unwrap_or_else(|| Some(String::new())),
        tags: new.tags,
        options,
        extra: Default::default(),
        deleting: false,
    };
    projects::insert(id, cx, permit, domain).await
}

fn well_formed(id: &str) -> Result<ProjectId> {
    let hex = id.len() == 32 && id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if hex {
        return Ok(id.into());
    }
    Err(Refusal::invalid("Domain ID does not conform to required UUID format.").into())
}

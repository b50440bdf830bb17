use crate::{
    Identity,
    model::{Extra, Options, Role, merge_options},
    ops::{audit::Note, domain_in, fields, names, on::On},
    policy::{
        Authorize,
        roles::{CREATE_DOMAIN_ROLE, CREATE_ROLE},
    },
};
use kernel::{Ctx, DomainId, Result, RoleId};
use serde::Deserialize;
use std::{collections::BTreeSet, sync::Arc};

#[derive(Deserialize)]
pub struct New {
    pub name: String,
    pub domain_id: Option<DomainId>,
    pub description: Option<String>,
    #[serde(default)]
    pub options: Options,
    #[serde(flatten)]
    pub extra: Extra,
}

pub async fn create(id: &Identity, cx: &Ctx, new: New) -> Result<Arc<Role>> {
    let domain = new.domain_id.filter(|d| !d.is_empty());
    let rule = if domain.is_some() { &CREATE_DOMAIN_ROLE } else { &CREATE_ROLE };
    let permit = cx.authorize(rule, &On::default().maybe("target.role.domain_id", domain.as_deref()))?;
    let mut options = Options::new();
    merge_options(&mut options, &new.options);
    let role = Role {
        id: RoleId::new_hex(),
        name: new.name.trim().to_owned(),
        domain,
        description: new.description,
        options,
        extra: fields::kept(new.extra),
        implies: BTreeSet::new(),
        deleting: false,
    };
    let note = Note::of(cx);
    id.write(permit, "identity.role.create", move |tx| {
        if let Some(domain) = &role.domain {
            domain_in(tx, domain)?;
        }
        let domain = role.domain.as_deref().unwrap_or_default();
        names::claim(tx, "role", &Role::name_space(role.domain.as_ref()), &role.name, domain, &role.id)?;
        note.created(tx, "role", &role.id)?;
        tx.insert(role.clone())
    })
    .await
}

use crate::{
    Identity,
    model::{Extra, Group},
    ops::{audit::Note, domain_in, domain_or_default, fields, names, on::On},
    policy::{Authorize, groups::CREATE_GROUP},
};
use kernel::{Ctx, DomainId, GroupId, Result};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize)]
pub struct New {
    pub name: String,
    pub domain_id: Option<DomainId>,
    #[serde(default, deserialize_with = "fields::given")]
    pub description: Option<Option<String>>,
    #[serde(flatten)]
    pub extra: Extra,
}

pub async fn create(id: &Identity, cx: &Ctx, new: New) -> Result<Arc<Group>> {
    let on = On::default().maybe("target.group.domain_id", new.domain_id.as_deref());
    let permit = cx.authorize(&CREATE_GROUP, &on)?;
    let group = Group {
        id: GroupId::new_hex(),
        name: new.name.trim().to_owned(),
        domain: domain_or_default(id, cx, new.domain_id),
        description: new.description.unwrap_or_else(|| Some(String::new())),
        extra: fields::kept(new.extra),
        deleting: false,
    };
    let note = Note::of(cx);
    id.write(permit, "identity.group.create", move |tx| {
        domain_in(tx, &group.domain)?;
        names::claim(tx, "group", &Group::name_space(&group.domain), &group.name, &group.domain, &group.id)?;
        note.created(tx, "group", &group.id)?;
        tx.insert(group.clone())
    })
    .await
}

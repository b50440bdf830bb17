//! Metering labels.

use crate::{
    Network as Service,
    model::{MeteringLabel, MeteringLabelId, MeteringRule, Standard},
    ops::{
        access::Set,
        common::{Asked, Expect, Guard, NoChanges, Of, create_all, delete_one, unchanged},
    },
    policy::metering as rules,
};
use kernel::{Ctx, Result};
use serde::Deserialize;
use std::{collections::BTreeSet, sync::Arc};

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct NewMeteringLabel {
    pub name: String,
    pub description: String,
    pub shared: bool,
}

pub async fn create(net: &Service, cx: &Ctx, asked: Vec<Asked<NewMeteringLabel>>) -> Result<Vec<Arc<MeteringLabel>>> {
    let guard = Guard { table: rules::ALL, rule: &rules::CREATE };
    create_all(net, cx, guard, "network.metering_label.create", asked, |tx, env, one| {
        Ok(tx.put(MeteringLabel {
            id: MeteringLabelId::new(),
            standard: Standard::new(&one.project, &one.body.description, env.now),
            name: one.body.name.clone(),
            shared: one.body.shared,
            rules: BTreeSet::new(),
        }))
    })
    .await
}

pub async fn update(net: &Service, cx: &Ctx, id: &str, _: &Set, _: NoChanges, _: Expect) -> Result<Arc<MeteringLabel>> {
    unchanged(net, cx, id)
}

/// Its rules go with it.
pub async fn delete(net: &Service, cx: &Ctx, id: &str, expect: Expect) -> Result<()> {
    let of = Of { id, rule: &rules::DELETE, label: "network.metering_label.delete", expect };
    delete_one::<MeteringLabel>(net, cx, of, |tx, _, label| {
        for rule in &label.rules {
            tx.delete::<MeteringRule>(rule);
        }
        Ok(())
    })
    .await
}

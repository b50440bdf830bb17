use super::set_default;
use crate::{
    Network as Service,
    model::{
        QosPolicy, QosPolicyId, Standard,
        rbac::{Action, ObjectType},
    },
    ops::{
        common::{Asked, Guard, create_all},
        rbac::open_to_all,
    },
    policy::qos as rules,
};
use kernel::{Ctx, Result};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct NewQosPolicy {
    pub name: String,
    pub description: String,
    pub shared: bool,
    pub is_default: bool,
}

pub async fn create(net: &Service, cx: &Ctx, asked: Vec<Asked<NewQosPolicy>>) -> Result<Vec<Arc<QosPolicy>>> {
    let guard = Guard { table: rules::ALL, rule: &rules::CREATE };
    create_all(net, cx, guard, "network.qos_policy.create", asked, |tx, env, one| {
        let mut policy = QosPolicy {
            id: QosPolicyId::new(),
            standard: Standard::new(&one.project, &one.body.description, env.now),
            name: one.body.name.clone(),
            is_default: false,
            rules: Vec::new(),
            serial: 0,
        };
        set_default(tx, &mut policy, one.body.is_default)?;
        if one.body.shared {
            open_to_all(tx, &one.project, ObjectType::QosPolicy, &policy.id, Action::Shared, env.now)?;
        }
        Ok(tx.put(policy))
    })
    .await
}

use super::{
    Body, Wanted, assign,
    schema::{POST_13, POST_28, POST_34, POST_38},
};
use crate::{Content, Placement, policy::ALLOCATIONS_MANAGE};
use http::{Schema, pick};
use kernel::{Ctx, Microversion, Result};
use policy::Authorize;
use std::collections::BTreeMap;

const SCHEMAS: &[(Microversion, &Schema)] = &[
    (Microversion::new(1, 13), &POST_13),
    (Microversion::new(1, 28), &POST_28),
    (Microversion::new(1, 34), &POST_34),
    (Microversion::new(1, 38), &POST_38),
];

/// The allocations of several consumers at once: resources move between them without a moment when others could take them.
pub(crate) async fn post(p: &Placement, cx: &Ctx, content: Content) -> Result<()> {
    let permit = cx.authorize(&ALLOCATIONS_MANAGE, &())?;
    let bodies: BTreeMap<String, Body> = content.read(pick(SCHEMAS, cx.version).unwrap_or(&POST_13))?;
    let wanted: Vec<Wanted> = bodies.into_iter().map(|(consumer, body)| body.of(&consumer)).collect();
    let now = cx.now();
    p.write(permit, "placement.allocations.post", move |tx| {
        assign(tx, &wanted, now).map_err(|refused| refused.unable("").into())
    })
    .await
}

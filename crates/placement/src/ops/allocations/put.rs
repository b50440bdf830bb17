use super::{
    Body, assign,
    schema::{PUT, PUT_8, PUT_12, PUT_28, PUT_34, PUT_38},
};
use crate::{Content, Placement, policy::ALLOCATIONS_UPDATE};
use http::{Schema, pick};
use kernel::{Ctx, Error, Microversion, Result};
use policy::Authorize;

const SCHEMAS: &[(Microversion, &Schema)] = &[
    (Microversion::new(1, 0), &PUT),
    (Microversion::new(1, 8), &PUT_8),
    (Microversion::new(1, 12), &PUT_12),
    (Microversion::new(1, 28), &PUT_28),
    (Microversion::new(1, 34), &PUT_34),
    (Microversion::new(1, 38), &PUT_38),
];

pub(crate) async fn put(p: &Placement, cx: &Ctx, consumer: &str, content: Content) -> Result<()> {
    let permit = cx.authorize(&ALLOCATIONS_UPDATE, &())?;
    let content = content.supported()?;
    let malformed = |_| Error::bad_request(format!("Malformed consumer_uuid: {consumer}"));
    let consumer = uuid::Uuid::parse_str(consumer).map_err(malformed)?.to_string();
    let body: Body = content.read(pick(SCHEMAS, cx.version).unwrap_or(&PUT))?;
    let (wanted, now) = ([body.of(&consumer)], cx.now());
    p.write(permit, "placement.allocations.put", move |tx| {
        let of = format!(" for consumer {}:", wanted[0].consumer);
        assign(tx, &wanted, now).map_err(|refused| refused.unable(&of).into())
    })
    .await
}

//! Orders. A key that is ordered is made at once, in the transaction that takes the order; what cannot be made is an order in
//! error, as it is with Barbican.

use crate::{
    KeyManager, error,
    model::{Media, Order, OrderFault, Secret, SecretKind},
    ops::{
        paging::{Paged, Paging},
        secrets::create::{NewSecret, blank, media_of},
    },
    policy,
    service::{QUOTAS, authorize, authorize_order, claim},
};
use http::Params;
use kernel::{Ctx, Error, Kind, Result};
use serde_json::Value;
use std::sync::Arc;
use store::Tx;

const CREATION: &str = "Order creation";
const SYMMETRIC: &[&str] = &["aes", "des", "desede", "hmacsha1", "hmacsha256", "hmacsha384", "hmacsha512"];

pub(crate) fn show(service: &KeyManager, cx: &Ctx, id: &str) -> Result<Arc<Order>> {
    let found = service.order(cx, id)?;
    let _read = authorize_order(cx, &policy::ORDER_GET, "Order retrieval", &found)?;
    Ok(found)
}

pub(crate) fn list(service: &KeyManager, cx: &Ctx, params: &Params) -> Result<Paged<Arc<Order>>> {
    let _read = authorize(cx, &policy::ORDERS_GET, "Order(s) retrieval")?;
    let view = service.view();
    let wanted = params.get("meta").filter(|text| !text.is_empty());
    let fits = |o: &Arc<Order>| wanted.is_none_or(|text| o.meta.to_string().contains(text));
    let mut found: Vec<_> = view.by(Order::BY_PROJECT, cx.project()?).filter(fits).collect();
    found.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
    Ok(Paging::read(params.get("offset"), params.get("limit")).of(found))
}

/// There is nothing of an order that could be changed.
pub(crate) fn update(cx: &Ctx) -> Error {
    match authorize(cx, &policy::ORDERS_PUT, "Order update") {
        Ok(_) => Error::of(Kind::MethodNotAllowed, "Order update is not supported."),
        Err(refused) => refused,
    }
}

pub(crate) async fn delete(service: &KeyManager, cx: &Ctx, id: &str) -> Result<()> {
    let found = service.order(cx, id)?;
    let permit = authorize_order(cx, &policy::ORDER_DELETE, "Order deletion", &found)?;
    let id = found.id.clone();
    let write = move |tx: &mut Tx| {
        let found = tx.get::<Order>(&id).ok_or_else(error::no_order)?;
        QUOTAS.release(tx, &found.project, &[("orders", 1)]);
        tx.delete::<Order>(&id);
        Ok(())
    };
    service.write(permit, "keymanager.order.delete", write).await
}

/// `meta` fits the schema of a secret.
pub(crate) async fn create(service: &KeyManager, cx: &Ctx, kind: &str, meta: Value) -> Result<Arc<Order>> {
    let permit = authorize(cx, &policy::ORDERS_POST, CREATION)?;
    let wanted: NewSecret = http::from_value(meta.clone())?;
    let bits = check(kind, &wanted)?;
    let mut order = Order {
        id: kernel::ids::uuid_dashed().to_string(),
        project: cx.project()?.clone(),
        creator: cx.credentials.user.clone(),
        kind: kind.to_owned(),
        meta,
        secret: None,
        fault: None,
        created_at: cx.now(),
    };
    let secret = blank(order.project.clone(), cx, &wanted)?;
    let makable = wanted.algorithm.as_deref().is_some_and(|a| SYMMETRIC.contains(&a.to_lowercase().as_str()));
    let secret = (kind == "key" && makable).then(|| fill(service, secret, &wanted, bits)).transpose()?;
    match &secret {
        Some(secret) => order.secret = Some(secret.id.clone()),
        None => order.fault = Some(unmakable()),
    }
    let write = move |tx: &mut Tx| {
        claim(tx, &order.project, "orders", CREATION)?;
        if let Some(secret) = &secret {
            claim(tx, &order.project, "secrets", CREATION)?;
            tx.put(secret.clone());
        }
        Ok(tx.put(order.clone()))
    };
    service.write(permit, "keymanager.order.create", write).await
}

fn fill(service: &KeyManager, secret: Secret, wanted: &NewSecret, bits: u32) -> Result<Secret> {
    let media = wanted.payload_content_type.as_ref().and_then(|kind| kind.as_deref());
    let media = media.map(media_of).transpose()?.unwrap_or(Media::Octets);
    let octets = crate::port::random(bits)?;
    let sealed = service.0.sealer.seal(&service.view(), octets.as_bytes())?;
    Ok(Secret { kind: SecretKind::Symmetric, media: Some(media), sealed: Some(sealed), ..secret })
}

fn unmakable() -> OrderFault {
    let reason = "Process TypeOrder issue seen - Secret generate supported plugin not found..";
    OrderFault { status: 400, reason: reason.to_owned() }
}

/// What a key must say of itself; its length in bits.
fn check(kind: &str, meta: &NewSecret) -> Result<u32> {
    let what = if kind == "key" { "key" } else { "asymmetric key" };
    if meta.payload.is_some() {
        return Err(error::unfit("Order", "meta", format!("'payload' not allowed for {kind} type order")));
    }
    let required =
        |field: &str| error::unfit("Order", "meta", format!("'{field}' is required field for {what} type order"));
    let algorithm = meta.algorithm.as_deref().filter(|a| !a.is_empty()).ok_or_else(|| required("algorithm"))?;
    let bits = meta.bit_length.ok_or_else(|| required("bit_length"))?;
    let fits = if algorithm.eq_ignore_ascii_case("ec") { matches!(bits, 256 | 384 | 521) } else { bits % 8 == 0 };
    if fits { Ok(bits) } else { Err(Error::bad_request("Provided field value is not supported")) }
}

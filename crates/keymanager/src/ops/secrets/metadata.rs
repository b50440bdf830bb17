//! What users note about a secret: lower-case keys, texts.

use super::change;
use crate::{KeyManager, error, model::Secret, policy, service::authorize_secret};
use ::policy::{Permit, Rule};
use kernel::{Ctx, Error, Result};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, sync::Arc};
use store::Tx;

/// Of one secret; more is refused.
const MOST: usize = 1000;

fn find(
    service: &KeyManager,
    cx: &Ctx,
    id: &str,
    rule: &'static Rule,
    operation: &str,
) -> Result<(Arc<Secret>, Permit)> {
    let secret = service.secret(cx, id)?;
    let permit = authorize_secret(cx, rule, operation, &secret)?;
    Ok((secret, permit))
}

pub(crate) fn all(service: &KeyManager, cx: &Ctx, id: &str) -> Result<BTreeMap<String, String>> {
    let (secret, _read) = find(service, cx, id, &policy::SECRET_META_GET, "Secret metadata retrieval")?;
    Ok(secret.metadata.clone())
}

pub(crate) fn one(service: &KeyManager, cx: &Ctx, id: &str, key: &str) -> Result<String> {
    let (secret, _read) = find(service, cx, id, &policy::SECRET_META_GET, "Secret metadatum retrieval")?;
    secret.metadata.get(key).cloned().ok_or_else(error::no_metadata)
}

fn check_key(key: &str) -> Result<()> {
    let safe = key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if safe { Ok(()) } else { Err(Error::bad_request("Invalid Key. Key must be URL safe.")) }
}

/// Replaces all of it.
pub(crate) async fn replace(service: &KeyManager, cx: &Ctx, id: &str, given: &Map<String, Value>) -> Result<()> {
    let (secret, permit) = find(service, cx, id, &policy::SECRET_META_PUT, "Secret metadata creation")?;
    let mut metadata = BTreeMap::new();
    for (key, value) in given {
        check_key(key)?;
        let none = || Error::bad_request("Invalid Metadata. Keys and Values must be Strings.");
        metadata.insert(key.to_lowercase(), value.as_str().ok_or_else(none)?.to_owned());
    }
    if metadata.len() > MOST {
        return Err(Error::bad_request(format!("a secret has at most {MOST} metadata")));
    }
    let (id, now) = (secret.id.clone(), cx.now());
    let write = move |tx: &mut Tx| {
        let metadata = metadata.clone();
        change(tx, &id, now, |s| s.metadata = metadata).map(drop)
    };
    service.write(permit, "keymanager.secret.metadata", write).await
}

/// Whether a key must be there already.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    New,
    Known,
}

pub(crate) async fn set(service: &KeyManager, cx: &Ctx, id: &str, key: &str, value: &str, which: Key) -> Result<()> {
    let (rule, operation) = match which {
        Key::New => (&policy::SECRET_META_POST, "Secret metadatum creation"),
        Key::Known => (&policy::SECRET_META_PUT, "Secret metadatum update"),
    };
    let (secret, permit) = find(service, cx, id, rule, operation)?;
    check_key(key)?;
    let (id, key, value, now) = (secret.id.clone(), key.to_lowercase(), value.to_owned(), cx.now());
    let write = move |tx: &mut Tx| {
        let known = tx.get::<Secret>(&id).is_some_and(|s| s.metadata.contains_key(&key));
        match which {
            Key::New if known => {
                return Err(Error::conflict("Conflict. Key in request is already in the secret metadata"));
            }
            Key::Known if !known => return Err(error::no_metadata()),
            Key::New | Key::Known => {}
        }
        let pair = (key.clone(), value.clone());
        change(tx, &id, now, |s| drop(s.metadata.insert(pair.0, pair.1))).map(drop)
    };
    service.write(permit, "keymanager.secret.metadatum", write).await
}

pub(crate) async fn remove(service: &KeyManager, cx: &Ctx, id: &str, key: &str) -> Result<()> {
    let (secret, permit) = find(service, cx, id, &policy::SECRET_META_DELETE, "Secret metadatum removal")?;
    let (id, key, now) = (secret.id.clone(), key.to_owned(), cx.now());
    let write = move |tx: &mut Tx| {
        if !tx.get::<Secret>(&id).is_some_and(|s| s.metadata.contains_key(&key)) {
            return Err(error::no_metadata());
        }
        change(tx, &id, now, |s| drop(s.metadata.remove(&key))).map(drop)
    };
    service.write(permit, "keymanager.secret.metadatum_removal", write).await
}

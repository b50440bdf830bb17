//! Stores a secret, with its payload or, to be given one later, without.

use super::MOST;
use crate::{
    KeyManager, error,
    model::{Media, Secret, SecretKind},
    policy,
    service::{authorize, claim},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use kernel::{Ctx, Error, ProjectId, Result, Timestamp};
use ports::KeyBytes;
use serde::Deserialize;
use std::{collections::BTreeMap, sync::Arc};
use store::Tx;

const CREATION: &str = "Secret creation";

/// The body, as Barbican's schema has it.
#[derive(Debug, Deserialize)]
pub(crate) struct NewSecret {
    pub(crate) name: Option<String>,
    pub(crate) algorithm: Option<String>,
    pub(crate) mode: Option<String>,
    pub(crate) bit_length: Option<u32>,
    pub(crate) expiration: Option<String>,
    #[serde(default, rename = "secret_type")]
    pub(crate) kind: SecretKind,
    pub(crate) payload: Option<String>,
    /// Given and null is not the same as not given.
    #[serde(default, deserialize_with = "given")]
    pub(crate) payload_content_type: Option<Option<String>>,
    pub(crate) payload_content_encoding: Option<String>,
}

fn given<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(from).map(Some)
}

pub(crate) async fn create(service: &KeyManager, cx: &Ctx, new: NewSecret) -> Result<Arc<Secret>> {
    let permit = authorize(cx, &policy::SECRETS_POST, CREATION)?;
    let payload = read_payload(&new)?;
    let mut secret = blank(cx.project()?.clone(), cx, &new)?;
    if let Some((media, octets)) = payload {
        secret.media = Some(media);
        secret.sealed = Some(service.0.sealer.seal(&service.view(), octets.as_bytes())?);
    }
    let insert = move |tx: &mut Tx| {
        claim(tx, &secret.project, "secrets", CREATION)?;
        Ok(tx.put(secret.clone()))
    };
    service.write(permit, "keymanager.secret.create", insert).await
}

/// A secret without a payload.
pub(crate) fn blank(project: ProjectId, cx: &Ctx, new: &NewSecret) -> Result<Secret> {
    Ok(Secret {
        id: kernel::ids::uuid_dashed().to_string(),
        project,
        creator: cx.credentials.user.clone(),
        name: new.name.as_deref().map(|name| name.trim().to_owned()),
        kind: new.kind,
        algorithm: new.algorithm.clone(),
        bit_length: new.bit_length,
        mode: new.mode.clone(),
        expiration: read_expiration(new.expiration.as_deref(), cx.now())?,
        media: None,
        sealed: None,
        metadata: BTreeMap::new(),
        access: None,
        consumers: Vec::new(),
        created_at: cx.now(),
        updated_at: cx.now(),
    })
}

fn read_expiration(text: Option<&str>, now: Timestamp) -> Result<Option<Timestamp>> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
    let at = Timestamp::parse(text);
    let at = at.ok_or_else(|| error::unfit("Secret", "expiration", "Invalid date for 'expiration'"))?;
    if at <= now {
        return Err(error::unfit("Secret", "expiration", "'expiration' is before current time"));
    }
    Ok(Some(at))
}

fn read_payload(new: &NewSecret) -> Result<Option<(Media, KeyBytes)>> {
    let kind = new.payload_content_type.as_ref();
    let Some(text) = new.payload.as_deref() else {
        return match kind {
            None => Ok(None),
            Some(_) => {
                let text = "payload must be provided when payload_content_type is specified";
                Err(error::unfit("Secret", "payload", text))
            }
        };
    };
    let Some(kind) = kind.and_then(|kind| kind.as_deref()) else {
        let text = "If 'payload' is supplied, 'payload_content_type' must also be supplied.";
        return Err(error::unfit("Secret", "payload_content_type", text));
    };
    let media = media_of(kind)?;
    check_encoding(media, new.payload_content_encoding.as_deref())?;
    if text.len() > MOST {
        return Err(Error::too_large("Provided information too large to process"));
    }
    let text = text.trim();
    if text.is_empty() {
        return Err(error::unfit("Secret", "payload", "If 'payload' specified, must be non empty"));
    }
    let octets = match media {
        Media::Text => KeyBytes::new(text.as_bytes().to_vec()),
        Media::Octets | Media::Pkcs8 => from_base64(text.as_bytes())
            .ok_or_else(|| error::unfit("Secret", "payload", "Invalid payload for payload_content_encoding"))?,
    };
    Ok(Some((media, octets)))
}

pub(crate) fn media_of(text: &str) -> Result<Media> {
    let known = "['text/plain', 'text/plain;charset=utf-8', 'text/plain; charset=utf-8', 'application/octet-stream', \
                 'application/pkcs8']";
    let unknown =
        || error::unfit("Secret", "payload_content_type", format!("payload_content_type is not one of {known}"));
    Media::parse(text).ok_or_else(unknown)
}

/// Octets come in base64, text as it is.
fn check_encoding(media: Media, encoding: Option<&str>) -> Result<()> {
    let wrong = |known: &str| {
        let text = format!("payload_content_encoding is not one of {known}");
        Err(error::unfit("Secret", "payload_content_encoding", text))
    };
    match (media, encoding) {
        (Media::Text, None) | (Media::Octets | Media::Pkcs8, Some("base64")) => Ok(()),
        (Media::Text, Some(_)) => wrong("None"),
        (Media::Octets | Media::Pkcs8, _) => wrong("['base64', 'binary']"),
    }
}

/// As Python reads it: what is not of the alphabet (line ends) is left out.
pub(crate) fn from_base64(text: &[u8]) -> Option<KeyBytes> {
    let known = |b: &u8| b.is_ascii_alphanumeric() || b"+/=".contains(b);
    let text: Vec<u8> = text.iter().copied().filter(known).collect();
    BASE64_STANDARD.decode(text).ok().map(KeyBytes::new)
}

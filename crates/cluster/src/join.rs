//! Joining: a token is made once, works once.
//!
//! The token's text is `<secret>.<the region's CA certificate>`, so a node that joins trusts that CA and nobody else. The store holds the secret's hash only. Redeeming it marks the token
//! spent in a transaction before anything is signed: two nodes with one token cannot both join, and a crash after the
//! transaction costs a token, not the rule.

use crate::{Authority, ca};
use kernel::{Error, Result, Timestamp};
use rand::RngCore;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::time::Duration;
use store::{Key, Object, Store};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinToken {
    /// Hex SHA-256 of the secret: the object's key.
    pub hash: String,
    /// The only host that may use it; `None`: any one.
    pub host: Option<String>,
    pub expires: Timestamp,
    /// The host that used it.
    pub spent_by: Option<String>,
}

impl Object for JoinToken {
    const KIND: &'static str = "cluster.join_token";
    fn key(&self) -> Key {
        self.hash.as_str().into()
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct JoinRequest {
    pub token: String,
    pub host: String,
    /// Where the node can be reached; goes into its certificate.
    pub addresses: Vec<String>,
    pub public_key_pem: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct JoinAnswer {
    pub certificate_pem: String,
    pub ca_pem: String,
}

fn hash(secret: &str) -> String {
    Sha256::digest(secret).iter().map(|b| format!("{b:02x}")).collect()
}

/// Makes a token and returns its text, which is nowhere else.
pub async fn create_token(
    store: &Store,
    authority: &Authority,
    host: Option<String>,
    now: Timestamp,
    valid: Duration,
) -> Result<String> {
    let mut bytes = [0u8; 24];
    rand::rng().fill_bytes(&mut bytes);
    let secret: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    let token = JoinToken { hash: hash(&secret), host, expires: now.plus(valid), spent_by: None };
    store.transact("cluster.token.create", move |tx| tx.insert(token.clone()).map(|_| ())).await?;
    Ok(format!("{secret}.{}", ca::to_text(authority.certificate_pem())?))
}

/// The secret, and the CA (PEM) that the node must meet.
pub fn split_token(token: &str) -> Result<(&str, String)> {
    let bad = || Error::bad_request("this is not a join token");
    let (secret, ca) = token.split_once('.').ok_or_else(bad)?;
    Ok((secret, ca::from_text(ca).ok_or_else(bad)?))
}

/// Spends the token and signs the node's key.
pub async fn redeem(store: &Store, authority: &Authority, request: &JoinRequest, now: Timestamp) -> Result<JoinAnswer> {
    let (secret, _) = split_token(&request.token)?;
    let (id, host) = (hash(secret), request.host.clone());
    let refused = || Error::forbidden("the join token is not valid: it is unknown, spent, expired or for another host");
    let spend = move |tx: &mut store::Tx| {
        let token = tx.get::<JoinToken>(&id).ok_or_else(refused)?;
        let usable = token.spent_by.is_none() && now < token.expires && token.host.as_ref().is_none_or(|h| *h == host);
        if !usable {
            return Err(refused());
        }
        tx.put(JoinToken { spent_by: Some(host.clone()), ..JoinToken::clone(&token) });
        Ok(())
    };
    // The key is checked before the token is spent on it.
    let certificate_pem = authority.sign(&request.host, &request.addresses, &request.public_key_pem)?;
    store.transact("cluster.token.redeem", spend).await?;
    Ok(JoinAnswer { certificate_pem, ca_pem: authority.certificate_pem().to_owned() })
}

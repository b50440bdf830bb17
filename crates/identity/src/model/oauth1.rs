//! OAuth 1.0a (RFC 5849): applications that act for users who agreed.
//!
//! ```text
//!   Consumer ──asks──▶ RequestToken ──user authorizes: roles, verifier──▶ RequestToken ──exchanged──▶ AccessToken
//! ```

use super::{Extra, Field, Fields, extra};
use kernel::{ProjectId, RoleId, Timestamp, UserId, id_type};
use serde::{Deserialize, Serialize};
use std::fmt;
use store::{Index, IndexSink, Key, Object};

id_type! {
    ConsumerId,
    RequestTokenId,
    AccessTokenId,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Consumer {
    pub id: ConsumerId,
    pub description: Option<String>,
    /// Sealed by the ring `Purpose::Credentials`, as are those of the tokens.
    pub secret: String,
    #[serde(default)]
    pub extra: Extra,
}

impl Object for Consumer {
    const KIND: &'static str = "identity.oauth1_consumer";
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
}

impl Fields for Consumer {
    fn id(&self) -> &str {
        &self.id
    }
    fn field(&self, name: &str) -> Option<Field<'_>> {
        match name {
            "id" => Some(Field::text(&self.id)),
            other => extra(&self.extra, other),
        }
    }
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct RequestToken {
    pub id: RequestTokenId,
    pub consumer: ConsumerId,
    pub project: ProjectId,
    pub secret: String,
    pub expires: Option<Timestamp>,
    pub authorized: Option<Authorized>,
}

/// What a user agreed to.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Authorized {
    pub user: UserId,
    pub roles: Vec<RoleId>,
    /// What the user tells the consumer.
    pub verifier: String,
}

pub const REQUESTS_OF: Index<RequestToken> = Index::new(0);
pub const REQUESTS_ON: Index<RequestToken> = Index::new(1);

impl Object for RequestToken {
    const KIND: &'static str = "identity.oauth1_request_token";
    const INDEXES: &'static [&'static str] = &["consumer", "project"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(REQUESTS_OF, &self.consumer);
        sink.add(REQUESTS_ON, &self.project);
    }
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct AccessToken {
    pub id: AccessTokenId,
    pub consumer: ConsumerId,
    pub user: UserId,
    pub project: ProjectId,
    pub roles: Vec<RoleId>,
    pub secret: String,
    pub expires: Option<Timestamp>,
}

pub const OF_CONSUMER: Index<AccessToken> = Index::new(0);
pub const OF_USER: Index<AccessToken> = Index::new(1);
pub const OF_PROJECT: Index<AccessToken> = Index::new(2);

impl Object for AccessToken {
    const KIND: &'static str = "identity.oauth1_access_token";
    const INDEXES: &'static [&'static str] = &["consumer", "user", "project"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(OF_CONSUMER, &self.consumer);
        sink.add(OF_USER, &self.user);
        sink.add(OF_PROJECT, &self.project);
    }
}

impl Fields for AccessToken {
    fn id(&self) -> &str {
        &self.id
    }
    fn field(&self, name: &str) -> Option<Field<'_>> {
        Some(match name {
            "id" => Field::text(&self.id),
            "consumer_id" => Field::text(&self.consumer),
            "project_id" => Field::text(&self.project),
            _ => return None,
        })
    }
}

/// A request that was signed: the same one is not served again while its time would still be good (RFC 5849 §3.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nonce {
    /// Over the consumer, the token, the time and the nonce, which together are never used twice.
    pub id: String,
    pub consumer: ConsumerId,
    /// Seconds; after that the signature is too old anyway.
    pub until: u64,
}

pub const NONCES_OF: Index<Nonce> = Index::new(0);
/// By the second, written so that it sorts.
pub const NONCES_UNTIL: Index<Nonce> = Index::new(1);

impl Object for Nonce {
    const KIND: &'static str = "identity.oauth1_nonce";
    const INDEXES: &'static [&'static str] = &["consumer", "until"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(NONCES_OF, &self.consumer);
        sink.add(NONCES_UNTIL, format!("{:012}", self.until));
    }
}

macro_rules! quiet {
    ($($type:ident),+) => {$(
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($type)).field("id", &self.id).finish_non_exhaustive()
            }
        }
    )+};
}

quiet!(Consumer, RequestToken, AccessToken);

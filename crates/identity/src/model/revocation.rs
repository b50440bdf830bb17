//! What ends tokens before their time and cannot be seen from the objects themselves.
//!
//! A disabled user, a deleted project or a role taken away need none of these: every validation looks at the objects as they
//! are. What is left is a token given back, a chain of them, and all tokens that a user got before some moment.

use kernel::{Timestamp, UserId};
use serde::{Deserialize, Serialize};
use store::{Key, Object, Snapshot};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// One token.
    Token(String),
    /// A token and everything obtained with it.
    Chain(String),
    User(UserId),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    pub subject: Subject,
    /// Tokens issued up to this moment are void.
    pub issued_before: Timestamp,
}

impl Subject {
    pub fn key(&self) -> String {
        match self {
            Self::Token(audit) => format!("token/{audit}"),
            Self::Chain(audit) => format!("chain/{audit}"),
            Self::User(id) => format!("user/{id}"),
        }
    }
}

impl Object for Revocation {
    const KIND: &'static str = "identity.revocation";
    fn key(&self) -> Key {
        self.subject.key().into()
    }
}

/// Whether a token issued then, with these audit ids (its own, and that of the first of its chain), is void.
pub fn revoked(view: &Snapshot, user: &str, audit_ids: &[String], issued: Timestamp) -> bool {
    let void = |subject: Subject| {
        view.get::<Revocation>(&subject.key()).is_some_and(|revocation| issued <= revocation.issued_before)
    };
    let chain = audit_ids.last().cloned().unwrap_or_default();
    let own = audit_ids.first().cloned().unwrap_or_default();
    void(Subject::User(user.into())) || void(Subject::Token(own)) || void(Subject::Chain(chain))
}

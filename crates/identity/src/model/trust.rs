//! Trusts: a user (the trustor) lets another (the trustee) act with some of the trustor's roles on a project, as the trustor or
//! in the trustee's own name.
//!
//! ```text
//!   trustor ──trust──▶ trustee ──trust (redelegation_count - 1)──▶ trustee …
//! ```
//!
//! What a trust gives is looked up when it is used: never more than the first trustor of its chain has at that moment.

use super::{Field, Fields};
use kernel::{ProjectId, RoleId, Timestamp, UserId, id_type};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::{Index, IndexSink, Key, Object, Snapshot};

id_type! {
    TrustId,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trust {
    pub id: TrustId,
    pub trustor: UserId,
    pub trustee: UserId,
    /// `None`: the trustee may only act for the trustor where no scope is needed.
    pub project: Option<ProjectId>,
    pub impersonation: bool,
    pub roles: Vec<RoleId>,
    pub expires: Option<Timestamp>,
    /// `None`: as often as the trustee likes.
    pub remaining_uses: Option<u64>,
    /// The trust that this one was made by.
    pub parent: Option<TrustId>,
    /// How many links may still follow.
    pub redelegation_count: u32,
}

pub const OF_TRUSTOR: Index<Trust> = Index::new(0);
pub const OF_TRUSTEE: Index<Trust> = Index::new(1);
pub const OF_PROJECT: Index<Trust> = Index::new(2);
pub const OF_PARENT: Index<Trust> = Index::new(3);

impl Object for Trust {
    const KIND: &'static str = "identity.trust";
    const INDEXES: &'static [&'static str] = &["trustor", "trustee", "project", "parent"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(OF_TRUSTOR, &self.trustor);
        sink.add(OF_TRUSTEE, &self.trustee);
        if let Some(project) = &self.project {
            sink.add(OF_PROJECT, project);
        }
        if let Some(parent) = &self.parent {
            sink.add(OF_PARENT, parent);
        }
    }
}

impl Trust {
    /// Whether anything can still be done with it.
    pub fn usable(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|at| now < at) && self.remaining_uses != Some(0)
    }
}

impl Fields for Trust {
    fn id(&self) -> &str {
        &self.id
    }
    fn field(&self, name: &str) -> Option<Field<'_>> {
        Some(match name {
            "id" => Field::text(&self.id),
            "trustor_user_id" => Field::text(&self.trustor),
            "trustee_user_id" => Field::text(&self.trustee),
            "project_id" => Field::maybe(self.project.as_deref()),
            _ => return None,
        })
    }
}

/// The trusts that led to this one, nearest first; `None` if one of them is gone.
pub fn ancestors(view: &Snapshot, trust: &Trust) -> Option<Vec<Arc<Trust>>> {
    let mut above: Vec<Arc<Trust>> = Vec::new();
    let mut next = trust.parent.clone();
    while let Some(id) = next {
        let parent = view.get::<Trust>(&id)?;
        next = parent.parent.clone();
        above.push(parent);
    }
    Some(above)
}

/// Whose roles a trust lends in the end; `None` if the chain is broken.
pub fn first_trustor(view: &Snapshot, trust: &Trust) -> Option<UserId> {
    let above = ancestors(view, trust)?;
    Some(above.last().map_or_else(|| trust.trustor.clone(), |first| first.trustor.clone()))
}

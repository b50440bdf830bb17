//! The context of one request (or one flow step): who, under which scope, which request id, until when, in which version.

use crate::{Credentials, Error, Microversion, ProjectId, Result, Scope, Timestamp, clock::Clock, ids::RequestId};
use std::{any::Any, sync::Arc, time::Duration};

/// Cheap to clone; passed by reference everywhere.
#[derive(Clone)]
pub struct Ctx {
    pub credentials: Arc<Credentials>,
    pub request_id: RequestId,
    pub global_request_id: Option<RequestId>,
    pub version: Microversion,
    pub clock: Arc<dyn Clock>,
    /// Monotonic reading (of `clock`) after which nobody waits for the answer any more.
    pub deadline: Option<Duration>,
    /// The policy engine; crates/policy knows its type and adds `cx.authorize(RULE, &target)`.
    pub policy: Arc<dyn Any + Send + Sync>,
}

impl Ctx {
    /// The context of TStack's own work: all roles, system scope, a fresh request id.
    pub fn internal(clock: Arc<dyn Clock>, policy: Arc<dyn Any + Send + Sync>) -> Self {
        Self {
            credentials: Credentials::internal(),
            request_id: RequestId::new(),
            global_request_id: None,
            version: Microversion::new(0, 0),
            clock,
            deadline: None,
            policy,
        }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The project of the token's scope; most services' requests make no sense without one.
    pub fn project(&self) -> Result<&ProjectId> {
        self.credentials.project().ok_or_else(|| Error::forbidden("this request needs a project-scoped token"))
    }

    pub fn is_admin(&self) -> bool {
        self.credentials.has_role("admin")
    }

    pub fn scope(&self) -> &Scope {
        &self.credentials.scope
    }
}

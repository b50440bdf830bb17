//! The service's own state.

use crate::{
    error,
    model::{Access, Container, Order, Secret, SecretStore},
};
use ::policy::{Authorize, Permit, Rule};
use kernel::{Clock, Ctx, Error, Kind, ProjectId, Result, UserId};
use ports::{QuotaDefault, Quotas, Sealer};
use std::sync::Arc;
use store::{Snapshot as View, Store, Tx};

/// Barbican's resources; nothing is limited until somebody limits it. There are no certificate authorities to count.
pub(crate) const QUOTAS: Quotas = Quotas {
    service: "key-manager",
    defaults: &[
        QuotaDefault { resource: "secrets", limit: -1 },
        QuotaDefault { resource: "orders", limit: -1 },
        QuotaDefault { resource: "containers", limit: -1 },
        QuotaDefault { resource: "consumers", limit: -1 },
        QuotaDefault { resource: "cas", limit: -1 },
    ],
};

/// What `node` gives the service.
pub struct KeyManagerDeps {
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    pub sealer: Arc<dyn Sealer>,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct KeyManager(pub(crate) Arc<KeyManagerDeps>);

impl KeyManager {
    pub fn new(deps: KeyManagerDeps) -> Self {
        Self(Arc::new(deps))
    }

    /// Makes what every region has. Idempotent.
    pub async fn bootstrap(&self) -> Result<()> {
        let now = self.0.clock.now();
        let make = move |tx: &mut Tx| {
            if tx.get::<SecretStore>(STORE).is_none() {
                let id = kernel::ids::uuid_dashed().to_string();
                tx.put(SecretStore { id, name: STORE.to_owned(), created_at: now });
            }
            Ok(())
        };
        self.0.store.transact("keymanager.bootstrap", make).await
    }

    pub(crate) fn view(&self) -> View {
        self.0.store.snapshot()
    }

    /// A transaction that only somebody who was permitted to may run.
    pub(crate) async fn write<R: Send + 'static>(
        &self,
        _permit: Permit,
        label: &'static str,
        closure: impl FnMut(&mut Tx) -> Result<R> + Send + 'static,
    ) -> Result<R> {
        self.0.store.transact(label, closure).await
    }

    /// A secret that has not expired, whoever asks.
    pub(crate) fn secret(&self, cx: &Ctx, id: &str) -> Result<Arc<Secret>> {
        let found = self.view().get::<Secret>(id).filter(|s| !s.is_expired(cx.now()));
        found.ok_or_else(error::no_secret)
    }

    pub(crate) fn container(&self, id: &str) -> Result<Arc<Container>> {
        self.view().get::<Container>(id).ok_or_else(error::no_container)
    }

    /// An order of the caller's project; another's is not found.
    pub(crate) fn order(&self, cx: &Ctx, id: &str) -> Result<Arc<Order>> {
        let found = self.view().get::<Order>(id).filter(|o| cx.credentials.project() == Some(&o.project));
        found.ok_or_else(error::no_order)
    }
}

/// The one place where payloads are kept.
pub(crate) const STORE: &str = "Sealed in the log";

/// Asks the policy, refusing in the name of an operation.
fn ask(cx: &Ctx, rule: &'static Rule, operation: &str, target: &dyn ::policy::Target) -> Result<Permit> {
    cx.authorize(rule, target).map_err(|refused| match refused.kind() {
        Kind::Forbidden => Error::forbidden(crate::policy::POLICY.refusal.replace("{}", operation)),
        _ => refused,
    })
}

pub(crate) fn authorize(cx: &Ctx, rule: &'static Rule, operation: &str) -> Result<Permit> {
    ask(cx, rule, operation, &())
}

struct Facts<'a> {
    project: &'a ProjectId,
    creator: &'a UserId,
    read: &'a str,
    open: &'a str,
}

/// What rules ask of a secret or a container: without an access list its project may read it.
fn facts<'a>(cx: &Ctx, project: &'a ProjectId, creator: &'a UserId, access: Option<&Access>) -> Facts<'a> {
    let listed = access.is_some_and(|a| a.users.contains(&cx.credentials.user));
    let open = access.is_none_or(|a| a.project);
    Facts { project, creator, read: if listed { "read" } else { "" }, open: if open { "True" } else { "False" } }
}

pub(crate) fn authorize_secret(cx: &Ctx, rule: &'static Rule, operation: &str, secret: &Secret) -> Result<Permit> {
    let facts = facts(cx, &secret.project, &secret.creator, secret.access.as_ref());
    let target = [
        ("target.secret.project_id", facts.project.as_str()),
        ("target.secret.creator_id", facts.creator.as_str()),
        ("target.secret.read", facts.read),
        ("target.secret.read_project_access", facts.open),
    ];
    ask(cx, rule, operation, &target)
}

pub(crate) fn authorize_container(cx: &Ctx, rule: &'static Rule, operation: &str, of: &Container) -> Result<Permit> {
    let facts = facts(cx, &of.project, &of.creator, of.access.as_ref());
    let target = [
        ("target.container.project_id", facts.project.as_str()),
        ("target.container.creator_id", facts.creator.as_str()),
        ("target.container.read", facts.read),
        ("target.container.read_project_access", facts.open),
    ];
    ask(cx, rule, operation, &target)
}

pub(crate) fn authorize_order(cx: &Ctx, rule: &'static Rule, operation: &str, order: &Order) -> Result<Permit> {
    ask(cx, rule, operation, &[("target.order.project_id", order.project.as_str())])
}

/// Takes from a project's quota, refusing in Barbican's words.
pub(crate) fn claim(tx: &mut Tx, project: &ProjectId, resource: &str, operation: &str) -> Result<()> {
    QUOTAS.claim(tx, project, &[(resource, 1)]).map_err(|refused| match refused.kind() {
        Kind::OverQuota => {
            error::issue(Kind::OverQuota, operation, "Creation not allowed because a quota has been reached")
        }
        _ => refused,
    })
}

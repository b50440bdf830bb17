//! Access lists, of secrets and of containers alike.

use crate::{
    KeyManager, error,
    model::{Access, Container, Secret},
    policy,
    service::{authorize_container, authorize_secret},
};
use ::policy::{Permit, Rule};
use kernel::{Ctx, Error, Result, Timestamp, UserId};
use serde::Deserialize;
use std::collections::BTreeSet;
use store::{Object, Tx};

/// What has an access list.
pub(crate) trait Guarded: Object + Clone {
    const GET: &'static Rule;
    const PUT: &'static Rule;
    const DELETE: &'static Rule;
    const NAME: &'static str;
    /// Where they are, below `/v1`.
    const COLLECTION: &'static str;
    fn access(&self) -> Option<&Access>;
    fn set_access(&mut self, access: Option<Access>);
    fn none() -> Error;
    fn permit(service: &KeyManager, cx: &Ctx, id: &str, rule: &'static Rule, operation: &str) -> Result<Permit>;
}

macro_rules! guarded {
    ($type:ident, $name:literal, $collection:literal, $get:ident, $put:ident, $delete:ident, $none:path, $permit:expr) => {
        impl Guarded for $type {
            const GET: &'static Rule = &policy::$get;
            const PUT: &'static Rule = &policy::$put;
            const DELETE: &'static Rule = &policy::$delete;
            const NAME: &'static str = $name;
            const COLLECTION: &'static str = $collection;
            fn access(&self) -> Option<&Access> {
                self.access.as_ref()
            }
            fn set_access(&mut self, access: Option<Access>) {
                self.access = access;
            }
            fn none() -> Error {
                $none()
            }
            fn permit(service: &KeyManager, cx: &Ctx, id: &str, rule: &'static Rule, of: &str) -> Result<Permit> {
                let permit: fn(&KeyManager, &Ctx, &str, &'static Rule, &str) -> Result<Permit> = $permit;
                permit(service, cx, id, rule, of)
            }
        }
    };
}

guarded!(
    Secret,
    "SecretACL(s)",
    "secrets",
    SECRET_ACLS_GET,
    SECRET_ACLS_PUT,
    SECRET_ACLS_DELETE,
    error::no_secret,
    |service, cx, id, rule, of| authorize_secret(cx, rule, of, &*service.secret(cx, id)?)
);
guarded!(
    Container,
    "ContainerACL(s)",
    "containers",
    CONTAINER_ACLS_GET,
    CONTAINER_ACLS_PUT,
    CONTAINER_ACLS_DELETE,
    error::no_container,
    |service, cx, id, rule, of| authorize_container(cx, rule, of, &*service.container(id)?)
);

/// One operation's list in a body.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Given {
    pub(crate) users: Option<BTreeSet<UserId>>,
    #[serde(rename = "project-access")]
    pub(crate) project: Option<bool>,
}

pub(crate) fn show<T: Guarded>(service: &KeyManager, cx: &Ctx, id: &str) -> Result<Option<Access>> {
    let _read = T::permit(service, cx, id, T::GET, &format!("{} retrieval", T::NAME))?;
    Ok(service.view().get::<T>(id).and_then(|found| found.access().cloned()))
}

/// Whether what is not given stays as it is (PATCH) or goes back to how it is without a list (PUT).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Replace,
    Merge,
}

pub(crate) async fn put<T: Guarded>(
    service: &KeyManager,
    cx: &Ctx,
    id: &str,
    given: Option<Given>,
    how: Change,
) -> Result<()> {
    let permit = T::permit(service, cx, id, T::PUT, &format!("{} Update", T::NAME))?;
    let (id, now) = (id.to_owned(), cx.now());
    let write = move |tx: &mut Tx| {
        let found = tx.get::<T>(&id).ok_or_else(T::none)?;
        let old = found.access().cloned();
        let mut new = T::clone(&found);
        new.set_access(match (given.clone(), how) {
            (Some(given), Change::Merge) => Some(merged(given, old, now)),
            (Some(given), Change::Replace) => {
                let created_at = old.map_or(now, |old| old.created_at);
                Some(Access { created_at, ..merged(given, None, now) })
            }
            (None, Change::Merge) => old,
            (None, Change::Replace) => None,
        });
        tx.put(new);
        Ok(())
    };
    service.write(permit, "keymanager.acl.put", write).await
}

fn merged(given: Given, old: Option<Access>, now: Timestamp) -> Access {
    let old = old.unwrap_or_else(|| Access { users: BTreeSet::new(), project: true, created_at: now, updated_at: now });
    Access {
        users: given.users.unwrap_or(old.users),
        project: given.project.unwrap_or(old.project),
        created_at: old.created_at,
        updated_at: now,
    }
}

pub(crate) async fn delete<T: Guarded>(service: &KeyManager, cx: &Ctx, id: &str) -> Result<()> {
    let permit = T::permit(service, cx, id, T::DELETE, &format!("{} deletion", T::NAME))?;
    let id = id.to_owned();
    let write = move |tx: &mut Tx| tx.update::<T>(&id, |found| found.set_access(None)).map(drop).ok_or_else(T::none);
    service.write(permit, "keymanager.acl.delete", write).await
}

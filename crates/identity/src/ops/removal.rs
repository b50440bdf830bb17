//! Removing what others hang on: a user with thousands of role assignments, a domain with all that is in it.
//!
//! ```text
//!   mark `deleting` ──▶ take away what hangs on it, a bounded number per transaction ──▶ the object itself
//!        │ 403 if something forbids it                └─ a child after all: unmark, 403
//! ```
//!
//! Why two steps: whoever hangs something on an object (a role on a project, a user in a group) reads that object in the same
//! transaction. Once the mark is there nobody can add anything, so what the next transaction finds is all there is. A marked
//! object is gone for everybody; if this process dies in between, [`Sweeper`] finishes.

use crate::{
    Identity, Refusal,
    model::{
        AccessRule, Actor, ApplicationCredential, Assignment, Credential, DomainConfig, Group, Membership, Project,
        Revocation, Role, Target, Trust, User, app_cred, assignment, credential, endpoint_filter, federation, group,
        limit::{Holder, OF_HOLDER},
        oauth1, project,
        revocation::Subject,
        role, trust, user,
    },
    ops::{audit::Note, identity_providers, limits::drop_limit, trusts},
    policy::Permit,
};
use async_trait::async_trait;
use kernel::{DomainId, GroupId, ProjectId, Result, RoleId, UserId};
use std::time::Duration;
use store::{Batch, Index, Object, Tx};

/// Objects touched by one transaction; each writes two keys at most.
const BUDGET: usize = 900;

#[derive(Clone, Debug)]
pub enum Doomed {
    Domain(DomainId),
    Project(ProjectId),
    User(UserId),
    Group(GroupId),
    Role(RoleId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    More,
    Gone,
    /// A project that has got a child before it was marked.
    Blocked,
}

/// Removes an object that `permit` allows to remove, if `check` finds nothing against it.
pub(crate) async fn remove(
    id: &Identity,
    permit: Permit,
    doomed: Doomed,
    note: Note,
    check: impl Fn(&mut Tx) -> Result<()> + Send + 'static,
) -> Result<()> {
    let marked = doomed.clone();
    id.write(permit, "identity.remove.mark", move |tx| {
        check(tx)?;
        if !marked.mark(tx, true) {
            return Err(Refusal::not_found(marked.what(), marked.id()).into());
        }
        note.deleted(tx, marked.what(), marked.id())
    })
    .await?;
    finish(id, doomed).await
}

async fn finish(id: &Identity, doomed: Doomed) -> Result<()> {
    loop {
        let what = doomed.clone();
        let step = id.store().transact("identity.remove", move |tx| {
            let step = what.take(tx, &mut BUDGET.clone());
            if step == Step::Blocked {
                what.mark(tx, false);
            }
            Ok(step)
        });
        match step.await? {
            Step::More => {}
            Step::Gone => return Ok(()),
            Step::Blocked => return Err(not_a_leaf(doomed.id()).into()),
        }
    }
}

pub(crate) fn not_a_leaf(id: &str) -> Refusal {
    Refusal::forbidden(format!(
        "Cannot delete the project {id} since it is not a leaf in the hierarchy. Use the cascade option if you want to \
         delete a whole subtree."
    ))
}

/// Deletes what an index holds, as far as the budget goes; true if that was all.
fn clear<T: Object>(tx: &mut Tx, budget: &mut usize, index: Index<T>, value: &str) -> bool {
    let keys: Vec<_> = tx.view().keys_by(index, value).take(*budget).collect();
    let all = keys.len() < *budget;
    for key in &keys {
        tx.delete::<T>(key);
    }
    *budget -= keys.len();
    all
}

/// Changes what an index holds, so that it holds it no more; true if that was all.
fn change<T: Object + Clone>(
    tx: &mut Tx,
    budget: &mut usize,
    index: Index<T>,
    value: &str,
    f: impl Fn(&mut T),
) -> bool {
    let keys: Vec<_> = tx.view().keys_by(index, value).take(*budget).collect();
    let all = keys.len() < *budget;
    for key in &keys {
        tx.update::<T>(key, &f);
    }
    *budget -= keys.len();
    all
}

fn clear_app_creds(tx: &mut Tx, budget: &mut usize, index: Index<ApplicationCredential>, value: &str) -> bool {
    let found: Vec<_> = tx.view().by(index, value).take(*budget).collect();
    let all = found.len() < *budget;
    for app_cred in &found {
        tx.release_unique(&ApplicationCredential::name_space(&app_cred.user), &app_cred.name, &app_cred.id);
        tx.delete::<ApplicationCredential>(&app_cred.id);
    }
    *budget -= found.len();
    all
}

/// Identity providers whose users would be in a domain.
fn clear_providers(tx: &mut Tx, budget: &mut usize, domain: &DomainId) -> bool {
    let found: Vec<_> = tx.by(federation::OF_DOMAIN, domain).into_iter().take(*budget / 10).collect();
    let all = found.len() < *budget / 10;
    found.iter().for_each(|provider| identity_providers::take(tx, provider));
    *budget = budget.saturating_sub(10 * found.len());
    all
}

/// Trusts, with all that were made by them.
fn clear_trusts(tx: &mut Tx, budget: &mut usize, index: Index<Trust>, value: &str) -> bool {
    for found in tx.by(index, value) {
        if *budget == 0 {
            return false;
        }
        *budget -= trusts::take(tx, &found, *budget).min(*budget);
    }
    *budget > 0
}

/// The limits of a project, which may be a domain.
fn clear_limits(tx: &mut Tx, budget: &mut usize, id: &ProjectId) -> bool {
    let holders = [Holder::Project(id.clone()), Holder::Domain(DomainId::from(id.as_str()))];
    let found: Vec<_> = holders.iter().flat_map(|holder| tx.by(OF_HOLDER, &holder.key())).take(*budget).collect();
    let all = found.len() < *budget;
    found.iter().for_each(|limit| drop_limit(tx, limit));
    *budget -= found.len();
    all
}

impl Doomed {
    fn what(&self) -> &'static str {
        match self {
            Self::Domain(_) => "domain",
            Self::Project(_) => "project",
            Self::User(_) => "user",
            Self::Group(_) => "group",
            Self::Role(_) => "role",
        }
    }

    fn id(&self) -> &str {
        match self {
            Self::Domain(id) => id,
            Self::Project(id) => id,
            Self::User(id) => id,
            Self::Group(id) => id,
            Self::Role(id) => id,
        }
    }

    /// False if it is not there, or is what it shall be already.
    fn mark(&self, tx: &mut Tx, deleting: bool) -> bool {
        match self {
            Self::Domain(_) | Self::Project(_) => match tx.get::<Project>(self.id()) {
                Some(p) if p.deleting != deleting => drop(tx.put(Project { deleting, ..Project::clone(&p) })),
                _ => return false,
            },
            Self::User(id) => match tx.get::<User>(id) {
                Some(u) if u.deleting != deleting => drop(tx.put(User { deleting, ..User::clone(&u) })),
                _ => return false,
            },
            Self::Group(id) => match tx.get::<Group>(id) {
                Some(g) if g.deleting != deleting => drop(tx.put(Group { deleting, ..Group::clone(&g) })),
                _ => return false,
            },
            Self::Role(id) => match tx.get::<Role>(id) {
                Some(r) if r.deleting != deleting => drop(tx.put(Role { deleting, ..Role::clone(&r) })),
                _ => return false,
            },
        }
        true
    }

    fn take(&self, tx: &mut Tx, budget: &mut usize) -> Step {
        let done = match self {
            Self::Domain(id) => take_domain(tx, budget, id),
            Self::Project(id) if tx.view().count_by(project::BY_PARENT, id) > 0 => return Step::Blocked,
            Self::Project(id) => take_project(tx, budget, id),
            Self::User(id) => take_user(tx, budget, id),
            Self::Group(id) => take_group(tx, budget, id),
            Self::Role(id) => take_role(tx, budget, id),
        };
        if done { Step::Gone } else { Step::More }
    }
}

fn take_domain(tx: &mut Tx, budget: &mut usize, id: &DomainId) -> bool {
    let projects: Vec<_> = tx.view().keys_by(project::BY_DOMAIN, id).take(*budget).collect();
    let users: Vec<_> = tx.view().keys_by(user::BY_DOMAIN, id).take(*budget).collect();
    let groups: Vec<_> = tx.view().keys_by(group::BY_DOMAIN, id).take(*budget).collect();
    let roles: Vec<_> = tx.view().keys_by(role::BY_DOMAIN, id).take(*budget).collect();
    projects.iter().all(|key| take_project(tx, budget, &key.as_str().into()))
        && users.iter().all(|key| take_user(tx, budget, &key.as_str().into()))
        && groups.iter().all(|key| take_group(tx, budget, &key.as_str().into()))
        && roles.iter().all(|key| take_role(tx, budget, &key.as_str().into()))
        && clear(tx, budget, assignment::BY_TARGET, &Target::Domain(id.clone()).key())
        && clear_providers(tx, budget, id)
        // There may be more than one budget of any of them.
        && tx.view().count_by(project::BY_DOMAIN, id) == 0
        && tx.view().count_by(user::BY_DOMAIN, id) == 0
        && tx.view().count_by(group::BY_DOMAIN, id) == 0
        && take_project(tx, budget, &id.as_str().into())
}

fn take_project(tx: &mut Tx, budget: &mut usize, id: &ProjectId) -> bool {
    let cleared = clear(tx, budget, assignment::BY_TARGET, &Target::Project(id.clone()).key())
        && clear_app_creds(tx, budget, app_cred::OF_PROJECT, id)
        && clear::<Credential>(tx, budget, credential::OF_PROJECT, id)
        && clear(tx, budget, endpoint_filter::ENDPOINTS_OF, id)
        && clear(tx, budget, endpoint_filter::GROUPS_OF, id)
        && clear_limits(tx, budget, id)
        && clear_trusts(tx, budget, trust::OF_PROJECT, id)
        && clear(tx, budget, oauth1::OF_PROJECT, id)
        && clear(tx, budget, oauth1::REQUESTS_ON, id)
        && change::<User>(tx, budget, user::BY_DEFAULT_PROJECT, id, |u| u.default_project = None);
    if !cleared {
        return false;
    }
    if let Some(gone) = tx.get::<Project>(id) {
        tx.release_unique(&Project::name_space(gone.domain.as_ref()), &gone.name, id);
        tx.delete::<Project>(id);
        tx.delete::<DomainConfig>(id);
        *budget = budget.saturating_sub(1);
    }
    true
}

fn take_user(tx: &mut Tx, budget: &mut usize, id: &UserId) -> bool {
    let cleared = clear::<Assignment>(tx, budget, assignment::BY_ACTOR, &Actor::User(id.clone()).key())
        && clear::<Membership>(tx, budget, group::OF_USER, id)
        && clear_app_creds(tx, budget, app_cred::OF_USER, id)
        && clear::<AccessRule>(tx, budget, app_cred::RULES_OF_USER, id)
        && clear::<Credential>(tx, budget, credential::OF_USER, id)
        && clear(tx, budget, oauth1::OF_USER, id)
        && clear_trusts(tx, budget, trust::OF_TRUSTOR, id)
        && clear_trusts(tx, budget, trust::OF_TRUSTEE, id);
    if !cleared {
        return false;
    }
    if let Some(gone) = tx.get::<User>(id) {
        tx.release_unique(&User::name_space(&gone.domain), &gone.name, id);
        tx.delete::<User>(id);
        tx.delete::<Revocation>(&Subject::User(id.clone()).key());
        *budget = budget.saturating_sub(2);
    }
    true
}

fn take_group(tx: &mut Tx, budget: &mut usize, id: &GroupId) -> bool {
    let cleared = clear::<Assignment>(tx, budget, assignment::BY_ACTOR, &Actor::Group(id.clone()).key())
        && clear::<Membership>(tx, budget, group::OF_GROUP, id);
    if !cleared {
        return false;
    }
    if let Some(gone) = tx.get::<Group>(id) {
        tx.release_unique(&Group::name_space(&gone.domain), &gone.name, id);
        tx.delete::<Group>(id);
        *budget = budget.saturating_sub(1);
    }
    true
}

fn take_role(tx: &mut Tx, budget: &mut usize, id: &RoleId) -> bool {
    let cleared = clear::<Assignment>(tx, budget, assignment::BY_ROLE, id)
        && change::<Role>(tx, budget, role::PRIOR_TO, id, |prior| prior.implies.retain(|i| i != id));
    if !cleared {
        return false;
    }
    if let Some(gone) = tx.get::<Role>(id) {
        tx.release_unique(&Role::name_space(gone.domain.as_ref()), &gone.name, id);
        tx.delete::<Role>(id);
        *budget = budget.saturating_sub(1);
    }
    true
}

/// Finishes removals that a dead process began, and forgets nonces that are too old to matter.
pub struct Sweeper(pub Identity);

#[async_trait]
impl flow::Reconciler for Sweeper {
    fn name(&self) -> &'static str {
        "identity.removal"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(60)
    }

    fn wants(&self, _: &Batch) -> bool {
        false
    }

    async fn reconcile(&self) -> Result<()> {
        super::oauth1::forget(&self.0).await?;
        let view = self.0.view();
        let projects = view.all::<Project>().filter(|p| p.deleting).map(|p| match p.is_domain() {
            true => Doomed::Domain(p.domain_id()),
            false => Doomed::Project(p.id.clone()),
        });
        let users = view.all::<User>().filter(|u| u.deleting).map(|u| Doomed::User(u.id.clone()));
        let groups = view.all::<Group>().filter(|g| g.deleting).map(|g| Doomed::Group(g.id.clone()));
        let roles = view.all::<Role>().filter(|r| r.deleting).map(|r| Doomed::Role(r.id.clone()));
        for doomed in projects.chain(users).chain(groups).chain(roles) {
            match finish(&self.0, doomed).await {
                // It has a child after all and is not marked any more.
                Err(error) if error.is(kernel::Kind::Forbidden) => {}
                other => other?,
            }
        }
        Ok(())
    }
}

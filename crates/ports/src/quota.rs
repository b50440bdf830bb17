//! Quotas: counted in the very transaction that makes or removes what is counted, so no second count can drift.
//!
//! One object per service and project holds what is in use; another, if an operator set any, the limits that differ from the
//! service's defaults. `-1` is unlimited.

use kernel::{Error, ProjectId, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::{Key, Object, Snapshot, Tx};

/// A resource's default limit.
#[derive(Clone, Copy, Debug)]
pub struct QuotaDefault {
    pub resource: &'static str,
    pub limit: i64,
}

/// The quotas of one service; a `const` in each.
#[derive(Clone, Copy, Debug)]
pub struct Quotas {
    pub service: &'static str,
    pub defaults: &'static [QuotaDefault],
}

/// What a project uses. Public for the audit, which counts again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaUsage {
    pub service: String,
    pub project: ProjectId,
    pub used: BTreeMap<String, i64>,
}

/// Limits set for a project (or `class:<name>`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaLimits {
    pub service: String,
    pub subject: String,
    pub limits: BTreeMap<String, i64>,
}

fn id(service: &str, subject: &str) -> String {
    format!("{service}/{subject}")
}

impl Object for QuotaUsage {
    const KIND: &'static str = "quota.usage";
    fn key(&self) -> Key {
        id(&self.service, &self.project).into()
    }
}

impl Object for QuotaLimits {
    const KIND: &'static str = "quota.limits";
    fn key(&self) -> Key {
        id(&self.service, &self.subject).into()
    }
}

impl Quotas {
    pub fn knows(&self, resource: &str) -> bool {
        self.defaults.iter().any(|d| d.resource == resource)
    }

    /// The defaults that the operator's `default` class overrides.
    pub fn defaults(&self, snapshot: &Snapshot) -> BTreeMap<String, i64> {
        let mut limits: BTreeMap<_, _> = self.defaults.iter().map(|d| (d.resource.to_owned(), d.limit)).collect();
        if let Some(class) = snapshot.get::<QuotaLimits>(&id(self.service, "class:default")) {
            limits.extend(class.limits.clone());
        }
        limits
    }

    pub fn limits(&self, snapshot: &Snapshot, project: &str) -> BTreeMap<String, i64> {
        let mut limits = self.defaults(snapshot);
        if let Some(own) = snapshot.get::<QuotaLimits>(&id(self.service, project)) {
            limits.extend(own.limits.clone());
        }
        limits
    }

    pub fn used(&self, snapshot: &Snapshot, project: &str) -> BTreeMap<String, i64> {
        let mut used: BTreeMap<_, _> = self.defaults.iter().map(|d| (d.resource.to_owned(), 0)).collect();
        if let Some(usage) = snapshot.get::<QuotaUsage>(&id(self.service, project)) {
            used.extend(usage.used.clone());
        }
        used
    }

    /// Takes amounts, or refuses with `OverQuota` naming what would be exceeded. Amounts of zero are not checked.
    pub fn claim(&self, tx: &mut Tx, project: &ProjectId, amounts: &[(&str, i64)]) -> Result<()> {
        let limits = self.limits(tx.view(), project);
        let used = self.used(tx.view(), project);
        let over: Vec<_> = amounts
            .iter()
            .filter(|(resource, amount)| {
                let limit = limits.get(*resource).copied().unwrap_or(-1);
                *amount > 0 && limit >= 0 && used.get(*resource).copied().unwrap_or(0) + amount > limit
            })
            .map(|(resource, _)| *resource)
            .collect();
        if !over.is_empty() {
            let detail = |r: &&str| {
                let (asked, used, limit) =
                    (amounts.iter().find(|a| a.0 == *r).map_or(0, |a| a.1), used.get(*r), limits.get(*r));
                (asked, used.copied().unwrap_or(0), limit.copied().unwrap_or(-1))
            };
            let (asked, in_use, limit): (Vec<_>, Vec<_>, Vec<_>) =
                over.iter().map(detail).fold((vec![], vec![], vec![]), |mut all, (a, u, l)| {
                    all.0.push(a.to_string());
                    all.1.push(u.to_string());
                    all.2.push(l.to_string());
                    all
                });
            let text = format!(
                "Quota exceeded for {}: Requested {}, but already used {} of {} {}",
                over.join(", "),
                asked.join(", "),
                in_use.join(", "),
                limit.join(", "),
                over.join(", ")
            );
            return Err(Error::over_quota(text).with_code("OverQuota"));
        }
        self.add(tx, project, amounts, 1);
        Ok(())
    }

    /// Gives amounts back.
    pub fn release(&self, tx: &mut Tx, project: &ProjectId, amounts: &[(&str, i64)]) {
        self.add(tx, project, amounts, -1);
    }

    fn add(&self, tx: &mut Tx, project: &ProjectId, amounts: &[(&str, i64)], sign: i64) {
        let found = tx.get::<QuotaUsage>(&id(self.service, project));
        let mut usage = found.map_or_else(
            || QuotaUsage { service: self.service.into(), project: project.clone(), used: BTreeMap::new() },
            |u| QuotaUsage::clone(&u),
        );
        for (resource, amount) in amounts {
            let used = usage.used.entry((*resource).to_owned()).or_default();
            *used = (*used + sign * amount).max(0);
        }
        tx.put(usage);
    }

    /// Sets limits of a project or of `class:default`.
    pub fn set_limits(&self, tx: &mut Tx, subject: &str, changes: &BTreeMap<String, i64>) {
        let found = tx.get::<QuotaLimits>(&id(self.service, subject));
        let mut limits = found.map_or_else(
            || QuotaLimits { service: self.service.into(), subject: subject.into(), limits: BTreeMap::new() },
            |l| QuotaLimits::clone(&l),
        );
        limits.limits.extend(changes.clone());
        tx.put(limits);
    }

    /// Back to the defaults.
    pub fn reset_limits(&self, tx: &mut Tx, project: &str) {
        tx.delete::<QuotaLimits>(&id(self.service, project));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::Kind;
    use store::{Schema, Store};

    const Q: Quotas = Quotas {
        service: "test",
        defaults: &[QuotaDefault { resource: "apples", limit: 3 }, QuotaDefault { resource: "pears", limit: -1 }],
    };

    #[tokio::test]
    async fn claims_until_the_limit_and_names_what_is_exceeded() {
        let store = Store::in_memory(Schema::new().with::<QuotaUsage>().with::<QuotaLimits>()).await;
        let claim = |apples: i64| {
            store.transact("test", move |tx| Q.claim(tx, &"p".into(), &[("apples", apples), ("pears", 100)]))
        };
        claim(2).await.unwrap();
        let refused = claim(2).await.unwrap_err();
        assert_eq!(refused.kind(), Kind::OverQuota);
        assert_eq!(refused.message(), "Quota exceeded for apples: Requested 2, but already used 2 of 3 apples");
        store
            .transact("test", |tx| {
                Q.set_limits(tx, "p", &[("apples".into(), 4)].into());
                Ok(())
            })
            .await
            .unwrap();
        claim(2).await.unwrap();
        store
            .transact("test", |tx| {
                Q.release(tx, &"p".into(), &[("apples", 4), ("pears", 200)]);
                Ok(())
            })
            .await
            .unwrap();
        assert!(Q.used(&store.snapshot(), "p").values().all(|used| *used == 0));
    }
}

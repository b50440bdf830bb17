//! After a rotation, what is sealed in objects moves to the new key; then the old ones can go.

use crate::{
    Identity,
    model::{AccessToken, Consumer, Credential, DomainConfig, KeyRing, Purpose, RequestToken},
};
use kernel::Result;
use std::{collections::HashMap, time::Duration};
use store::{Object, Tx};

/// Objects sealed again by one transaction.
const BATCH: usize = 200;

/// Objects that carry text sealed by the ring `Purpose::Credentials`.
trait Sealed: Object + Clone {
    fn sealed(&self) -> Vec<&str>;
    /// Puts what `new` gives for each sealed text in its place.
    fn replace(&mut self, new: &dyn Fn(&str) -> Option<String>);
}

impl Sealed for Credential {
    fn sealed(&self) -> Vec<&str> {
        vec![&self.sealed]
    }
    fn replace(&mut self, new: &dyn Fn(&str) -> Option<String>) {
        renew(&mut self.sealed, new);
    }
}

/// Objects with one secret of that name.
macro_rules! one_secret {
    ($($type:ident),+) => {$(
        impl Sealed for $type {
            fn sealed(&self) -> Vec<&str> {
                vec![&self.secret]
            }
            fn replace(&mut self, new: &dyn Fn(&str) -> Option<String>) {
                renew(&mut self.secret, new);
            }
        }
    )+};
}

one_secret!(Consumer, RequestToken, AccessToken);

impl Sealed for DomainConfig {
    fn sealed(&self) -> Vec<&str> {
        self.secrets.values().map(String::as_str).collect()
    }
    fn replace(&mut self, new: &dyn Fn(&str) -> Option<String>) {
        self.secrets.values_mut().for_each(|secret| renew(secret, new));
    }
}

fn renew(text: &mut String, new: &dyn Fn(&str) -> Option<String>) {
    if let Some(new) = new(text) {
        *text = new;
    }
}

pub(super) async fn reencrypt(id: &Identity) -> Result<()> {
    let all = [
        all_of::<Credential>(id).await?,
        all_of::<DomainConfig>(id).await?,
        all_of::<Consumer>(id).await?,
        all_of::<RequestToken>(id).await?,
        all_of::<AccessToken>(id).await?,
    ];
    match all.iter().all(|done| *done) {
        true => drop_keys(id, Purpose::Credentials).await,
        false => Ok(()),
    }
}

/// Whether there is anything that an old key could give away.
pub(super) fn anything(id: &Identity) -> bool {
    let view = id.view();
    view.count::<Credential>() + view.count::<Consumer>() > 0
        || view.all::<DomainConfig>().any(|c| !c.secrets.is_empty())
}

/// False if something is left that no key opens: it is kept as it is, as a restored ring may open it again.
async fn all_of<T: Sealed>(id: &Identity) -> Result<bool> {
    loop {
        let view = id.view();
        let (mut stale, mut lost, mut count) = (HashMap::new(), false, 0);
        for object in view.all::<T>() {
            for old in object.sealed() {
                if id.rings().is_current(&view, Purpose::Credentials, old)? {
                    continue;
                }
                match id.rings().open(&view, Purpose::Credentials, old)? {
                    Some(content) => {
                        count += 1;
                        let keys: &mut Vec<_> = stale.entry(object.key()).or_default();
                        keys.push((old.to_owned(), id.rings().seal(&view, Purpose::Credentials, &content)?));
                    }
                    None => lost = true,
                }
            }
            if count >= BATCH {
                break;
            }
        }
        if stale.is_empty() {
            return Ok(!lost);
        }
        let replace = move |tx: &mut Tx| {
            for (key, pairs) in &stale {
                let new = |text: &str| pairs.iter().find(|(old, _)| old == text).map(|(_, new)| new.clone());
                tx.update::<T>(key, |object| object.replace(&new));
            }
            Ok(())
        };
        id.store().transact("identity.keys.reencrypt", replace).await?;
    }
}

/// Everything is sealed with the primary key: the secondaries open nothing.
pub(crate) async fn drop_keys(id: &Identity, purpose: Purpose) -> Result<()> {
    let ring = id.view().get::<KeyRing>(purpose.key());
    if ring.is_none_or(|ring| ring.keys.len() <= 2) {
        return Ok(());
    }
    let now = id.now();
    id.store()
        .transact("identity.keys.drop", move |tx| {
            let Some(ring) = tx.get::<KeyRing>(purpose.key()) else { return Ok(()) };
            let mut ring = KeyRing::clone(&ring);
            // A member that is a moment behind may still seal with the key before.
            if ring.drop_retired(Duration::from_secs(60), now) {
                tx.put(ring);
            }
            Ok(())
        })
        .await
}

//! What other services get of the key rings: `ports::Sealer`, by a ring of its own. Who seals moves what it sealed to the ring's
//! new key and then lets the old ones go, as [`crate::ops::keys`] does for identity's own objects.

use crate::{Identity, model::Purpose, ops::keys};
use async_trait::async_trait;
use kernel::Result;
use ports::{KeyBytes, Sealer};
use store::Snapshot;

#[async_trait]
impl Sealer for Identity {
    fn seal(&self, snapshot: &Snapshot, content: &[u8]) -> Result<String> {
        self.rings().seal(snapshot, Purpose::Secrets, content)
    }

    fn open(&self, snapshot: &Snapshot, sealed: &str) -> Result<Option<KeyBytes>> {
        Ok(self.rings().open(snapshot, Purpose::Secrets, sealed)?.map(KeyBytes::new))
    }

    fn is_current(&self, snapshot: &Snapshot, sealed: &str) -> Result<bool> {
        self.rings().is_current(snapshot, Purpose::Secrets, sealed)
    }

    async fn forget_old_keys(&self) -> Result<()> {
        keys::drop_keys(self, Purpose::Secrets).await
    }
}

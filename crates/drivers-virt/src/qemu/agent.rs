//! The driver's part in what guests' agents do, and copies of disks whose file systems an agent holds.

use super::{
    Qemu,
    vm::{self, Urgency},
};
use async_trait::async_trait;
use compute::driver::{GuestAgent, Quiesce, not_quiesced};
use kernel::{Error, Result, ServerId, error::Doing};
use std::{path::Path, time::Duration};
use tokio::sync::oneshot;

/// From the moment that a guest is asked to hold still until QEMU keeps what its disk has: moments. Should they take longer, the copy is
/// of a guest that goes on.
const BEGINNING: Duration = Duration::from_secs(30);

impl Qemu {
    /// The copy is of the moment that its job began in: for that long the guest is held, not until all of it is written.
    pub(super) async fn copy_at_rest(&self, server: &ServerId, disk: &str, to: &Path, quiesce: Quiesce) -> Result<()> {
        let live = self.live(server)?;
        let held = self.holds(server, quiesce).await?;
        let (begun, has_begun) = oneshot::channel();
        // Its own task: a caller that goes away leaves no half copy and no job behind.
        let copy = tokio::spawn(vm::copy(live, disk.to_owned(), to.to_owned(), begun));
        let at_rest = if held {
            // An error: it has failed, and will say why.
            let _ = has_begun.await;
            self.thaw(server).await
        } else {
            Ok(quiesce != Quiesce::Required)
        };
        copy.await.doing("copying a disk")??;
        match at_rest {
            Ok(true) => Ok(()),
            _ if quiesce != Quiesce::Required => Ok(()),
            moved => {
                let _ = tokio::fs::remove_file(to).await; // nobody wants it any more
                Err(not_quiesced(
                    moved.err().unwrap_or_else(|| Error::conflict("the guest did not hold still for long enough")),
                ))
            }
        }
    }

    /// Whether the guest's file systems are held now.
    async fn holds(&self, server: &ServerId, quiesce: Quiesce) -> Result<bool> {
        if quiesce == Quiesce::No {
            return Ok(false);
        }
        match self.freeze(server, BEGINNING).await {
            Ok(()) => Ok(true),
            Err(why) if quiesce == Quiesce::Required => Err(not_quiesced(why)),
            Err(why) => {
                tracing::info!(%server, why = why.message(), "a disk is copied as it is: its guest cannot be held");
                Ok(false)
            }
        }
    }
}

#[async_trait]
impl GuestAgent for Qemu {
    async fn set_password(&self, server: &ServerId, user: &str, password: &str) -> Result<()> {
        let (user, password) = (user.to_owned(), password.to_owned());
        self.call(server, Urgency::Patient, move |vm| Box::pin(async move { vm.set_password(&user, &password).await }))
            .await
    }

    async fn freeze(&self, server: &ServerId, at_most: Duration) -> Result<()> {
        self.call(server, Urgency::Patient, move |vm| Box::pin(vm.freeze(at_most))).await
    }

    async fn thaw(&self, server: &ServerId) -> Result<bool> {
        self.call(server, Urgency::Patient, |vm| Box::pin(vm.thaw())).await
    }
}

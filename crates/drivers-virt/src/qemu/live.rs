//! The driver's part in moving guests and disks: what changes a VM is its task's work, sending and copying go on beside it.

use super::{
    Qemu,
    vm::{Urgency, crossing, moving, stale},
};
use async_trait::async_trait;
use compute::driver::{
    CallOff, DiskMoves, DiskSource, Fence, GuestAgent, Landing, LiveMigration, Progress, Sent, Then, Travel, VmSpec,
};
use kernel::{Error, HostName, Result, ServerId, error::Doing};

impl Qemu {
    fn fresh(&self, server: &ServerId, fence: Fence) -> Result<()> {
        let newest = self.shared.published(server).map_or(0, |p| p.status.generation);
        if fence.generation < newest { Err(stale(server, fence, newest)) } else { Ok(()) }
    }
}

#[async_trait]
impl LiveMigration for Qemu {
    async fn receive(&self, spec: &VmSpec, from: &HostName, fence: Fence) -> Result<Landing> {
        let (asked, from) = (spec.clone(), from.clone());
        let patient = Urgency::Patient;
        self.call(&spec.server, patient, move |vm| Box::pin(async move { vm.receive(&asked, &from, fence).await }))
            .await
    }

    async fn landing(&self, server: &ServerId) -> Result<Landing> {
        let none = || Error::conflict("no guest of this server is on its way here");
        self.call(server, Urgency::Patient, |vm| Box::pin(async { Ok(vm.landing()) })).await?.ok_or_else(none)
    }

    async fn land(&self, server: &ServerId, then: Then, fence: Fence) -> Result<()> {
        self.call(server, Urgency::Patient, move |vm| Box::pin(vm.land(then, fence))).await
    }

    async fn send(&self, server: &ServerId, travel: &Travel, fence: Fence) -> Result<Sent> {
        self.fresh(server, fence)?;
        // The other host would not know that the guest is held. One that is not heard of goes as it is.
        let _ = self.thaw(server).await;
        let (live, travel, tls) = (self.live(server)?, travel.clone(), self.shared.tls());
        // Its own task: a caller that goes away leaves no step half done.
        tokio::spawn(async move { crossing::send(live, travel, &tls).await }).await.doing("sending a guest")?
    }

    async fn hasten(&self, server: &ServerId) -> Result<()> {
        crossing::hasten(self.live(server)?).await
    }

    async fn call_off(&self, server: &ServerId, known: CallOff, fence: Fence) -> Result<()> {
        self.fresh(server, fence)?;
        let live = self.live(server)?;
        tokio::spawn(crossing::call_off(live, known)).await.doing("keeping a guest")?
    }

    async fn progress(&self, server: &ServerId) -> Result<Progress> {
        crossing::progress(&self.live(server)?).await
    }
}

#[async_trait]
impl DiskMoves for Qemu {
    async fn mirror_disk(&self, server: &ServerId, disk_id: &str, to: &DiskSource, fence: Fence) -> Result<()> {
        let (id, place) = (disk_id.to_owned(), to.clone());
        self.call(server, Urgency::Patient, move |vm| Box::pin(async move { vm.begin_move(&id, &place, fence).await }))
            .await?;
        moving::whole(self.live(server)?, disk_id, to).await?;
        let (id, place) = (disk_id.to_owned(), to.clone());
        let patient = Urgency::Patient;
        self.call(server, patient, move |vm| Box::pin(async move { vm.hold_for_move(&id, &place, fence).await })).await
    }

    async fn move_disk(&self, server: &ServerId, disk_id: &str, to: &DiskSource, fence: Fence) -> Result<()> {
        let (id, place) = (disk_id.to_owned(), to.clone());
        self.call(server, Urgency::Patient, move |vm| Box::pin(async move { vm.move_disk(&id, &place, fence).await }))
            .await
    }

    async fn keep_disk(&self, server: &ServerId, disk_id: &str, fence: Fence) -> Result<()> {
        let id = disk_id.to_owned();
        self.call(server, Urgency::Patient, move |vm| Box::pin(async move { vm.keep_disk(&id, fence).await })).await
    }
}

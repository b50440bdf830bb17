//! Disks of fake guests go to other places: nothing is copied, the guest's paper says what became of it.

use super::{Fake, absent, guest::Guest, no_disk, not_running, rules::Call};
use async_trait::async_trait;
use compute::driver::*;
use kernel::{Error, Result, ServerId};

#[async_trait]
impl DiskMoves for Fake {
    async fn mirror_disk(&self, server: &ServerId, disk_id: &str, to: &DiskSource, fence: Fence) -> Result<()> {
        let mirror = |guest: &mut Option<Guest>| {
            let guest = guest.as_mut().ok_or_else(|| absent(server))?;
            if !guest.is_alive() {
                return Err(not_running());
            }
            if guest.sent {
                return Err(Error::conflict("the guest is on its way to another host"));
            }
            let disk = guest.spec.disks.iter().find(|d| d.id == disk_id).ok_or_else(|| no_disk(server, disk_id))?;
            if disk.source != *to {
                guest.mirrors.insert(disk_id.to_owned(), to.clone());
            }
            Ok(())
        };
        self.change(Call::MirrorDisk, server, Some(fence), mirror).await
    }

    async fn move_disk(&self, server: &ServerId, disk_id: &str, to: &DiskSource, fence: Fence) -> Result<()> {
        let go = |guest: &mut Option<Guest>| {
            let guest = guest.as_mut().ok_or_else(|| absent(server))?;
            let alive = guest.is_alive();
            let known = guest.spec.disks.iter_mut().find(|d| d.id == disk_id);
            let known = known.ok_or_else(|| no_disk(server, disk_id))?;
            if alive && known.source != *to && guest.mirrors.get(disk_id) != Some(to) {
                return Err(Error::conflict(format!("disk {disk_id} is not the same where it is to be")));
            }
            known.source = to.clone();
            guest.mirrors.remove(disk_id);
            Ok(())
        };
        self.change(Call::MoveDisk, server, Some(fence), go).await
    }

    async fn keep_disk(&self, server: &ServerId, disk_id: &str, fence: Fence) -> Result<()> {
        let keep = |guest: &mut Option<Guest>| {
            guest.iter_mut().for_each(|g| drop(g.mirrors.remove(disk_id)));
            Ok(())
        };
        self.change(Call::KeepDisk, server, Some(fence), keep).await
    }
}

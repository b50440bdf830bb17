//! Guests that exist on paper: the same state machine, fences and events as real ones, thousands for the price of a map.
//!
//! ```text
//!   Fake (the driver: comes and goes) ──▶ FakeHost (the host: stays) ──▶ one Guest per server
//! ```
//!
//! A [`FakeHost`] is what a real host is to a driver: guests go on in it when the driver is dropped, and the next driver finds
//! them. One that was given a directory keeps them there as well, so that they outlive the whole process, as QEMU does.
//!
//! Nothing runs by itself: a guest has booted when enough time has passed since its start, worked out when somebody looks.
//!
//! Tests take the host's part through [`FakeHost`]: guests that crash, power off or turn deaf; and through [`FakeHost::rule`] the
//! driver's ill luck: a call that fails, takes long, never ends, or whose outcome is lost.
//!
//! Invariants
//! - Calls on one server take turns, in order; those on different servers never wait for each other.
//! - A call that answers an error other than `Unavailable` has changed nothing (save the generation, which only grows).

mod agent;
mod disks;
mod guest;
mod host;
mod live;
mod moving;
mod qcow2;
mod rules;
mod screen;

pub use disks::{DiskCall, FakeDisks};
pub use host::{FakeHost, FakeSettings};
pub use kernel::faults::Ill;
pub use rules::{Call, Rule};

use crate::{key_file::key_of, qemu::machine::address::seen_by_guest};
use async_trait::async_trait;
use compute::driver::*;
use guest::Guest;
use kernel::{Error, PortId, Result, ServerId};
use ports::Load;
use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};
use tokio::{sync::broadcast, time::sleep};

/// A driver on a fake host.
#[derive(Clone)]
pub struct Fake {
    host: Arc<FakeHost>,
}

impl Fake {
    pub fn on(host: Arc<FakeHost>) -> Self {
        Self { host }
    }

    pub fn host(&self) -> &Arc<FakeHost> {
        &self.host
    }

    /// One call: the rules' say, the server's turn, the fence, the change, the paper. `change` sees the guest's present state and
    /// leaves the next, or errs and leaves all as it was.
    async fn change(
        &self,
        call: Call,
        server: &ServerId,
        fence: Option<Fence>,
        change: impl FnOnce(&mut Option<Guest>) -> Result<()>,
    ) -> Result<()> {
        let ill = self.host.meet(call, Some(server)).await?;
        let _turn = self.host.turn(server).await;
        self.host.alter(server, fence, change)?;
        ill.lose()
    }

    /// Looks at a guest, under the rules.
    async fn look<T>(&self, call: Call, server: &ServerId, look: impl FnOnce(&Guest) -> Result<T>) -> Result<T> {
        let ill = self.host.meet(call, Some(server)).await?;
        let seen = self.host.see(server, |guest| guest.ok_or_else(|| absent(server)).and_then(look))?;
        ill.lose()?;
        Ok(seen)
    }

    /// Waits for the guest to have powered off at its power button, at most `patience`, and not while an urgent call waits.
    async fn power_down(&self, server: &ServerId, patience: Duration) {
        let obeys_in = self.host.see(server, |guest| guest.and_then(|g| g.powers_off_in(self.host.settings())));
        tokio::select! {
            () = sleep(obeys_in.unwrap_or(patience).min(patience)) => {}
            () = self.host.hurried(server) => {}
        }
    }

    /// Refuses what is stale before it may wait for its turn, or hurry others.
    fn fresh(&self, server: &ServerId, fence: Fence) -> Result<()> {
        self.host.check_fence(server, fence)
    }
}

pub(crate) fn absent(server: &ServerId) -> Error {
    Error::not_found(format!("there is no guest of server {server} here"))
}

fn not_running() -> Error {
    Error::conflict("the guest does not run")
}

#[async_trait]
impl Hypervisor for Fake {
    async fn capabilities(&self) -> Result<HostCapabilities> {
        self.host.meet(Call::Capabilities, None).await?.lose()?;
        Ok(self.host.settings().capabilities.clone())
    }

    async fn load(&self) -> Result<Load> {
        self.host.meet(Call::Load, None).await?.lose()?;
        Ok(self.host.settings().load)
    }

    fn addresses(&self, spec: &VmSpec) -> BTreeMap<String, GuestAddress> {
        seen_by_guest(spec)
    }

    async fn list(&self) -> Result<Vec<VmStatus>> {
        self.host.meet(Call::List, None).await?.lose()?;
        Ok(self.host.all())
    }

    async fn status(&self, server: &ServerId) -> Result<VmStatus> {
        self.host.meet(Call::Status, Some(server)).await?.lose()?;
        Ok(self.host.status(server))
    }

    async fn start(&self, spec: &VmSpec, fence: Fence) -> Result<()> {
        let start = |guest: &mut Option<Guest>| match guest.as_ref().map(|g| g.state) {
            Some(VmState::Running) => Ok(()),
            Some(VmState::Arriving) => Err(Error::conflict("the guest is awaited from another host")),
            Some(VmState::Paused) => Err(Error::conflict("the guest is paused: resume it instead of starting it")),
            Some(VmState::Suspended) => {
                guest.iter_mut().for_each(|g| g.state = VmState::Running);
                Ok(())
            }
            _ => self.host.check(spec).and_then(|()| Guest::boot(guest, spec)),
        };
        self.change(Call::Start, &spec.server, Some(fence), start).await
    }

    async fn stop(&self, server: &ServerId, mode: StopMode, fence: Fence) -> Result<()> {
        let ill = self.host.meet(Call::Stop, Some(server)).await?;
        self.fresh(server, fence)?;
        let hurry = (mode == StopMode::Force).then(|| self.host.hurry(server));
        let _turn = self.host.turn(server).await;
        drop(hurry);
        self.host.alter(server, Some(fence), |_| Ok(()))?;
        if let StopMode::Graceful { timeout } = mode
            && self.host.status(server).state == VmState::Running
        {
            self.power_down(server, timeout).await;
        }
        self.host.alter(server, Some(fence), |guest| {
            if let Some(guest) = guest.as_mut().filter(|g| g.is_alive() || g.state == VmState::Suspended) {
                guest.state = VmState::Shutdown;
            }
            Ok(())
        })?;
        ill.lose()
    }

    async fn reboot(&self, spec: &VmSpec, mode: RebootMode, fence: Fence) -> Result<()> {
        let (server, ill) = (&spec.server, self.host.meet(Call::Reboot, Some(&spec.server)).await?);
        self.fresh(server, fence)?;
        let hurry = (mode == RebootMode::Hard).then(|| self.host.hurry(server));
        let _turn = self.host.turn(server).await;
        drop(hurry);
        self.host.alter(server, Some(fence), |_| self.host.check(spec))?;
        let mut kept = None;
        if let RebootMode::Soft { timeout } = mode
            && self.host.status(server).state == VmState::Running
        {
            let obeys = self.host.see(server, |g| g.and_then(|g| g.powers_off_in(self.host.settings())));
            self.power_down(server, timeout).await;
            // The guest restarted by itself, in the hardware that it had.
            kept = obeys
                .filter(|after| *after <= timeout)
                .and_then(|_| self.host.see(server, |g| g.map(|g| g.spec.clone())));
        }
        self.host.alter(server, Some(fence), |guest| Guest::boot(guest, kept.as_ref().unwrap_or(spec)))?;
        ill.lose()
    }

    async fn pause(&self, server: &ServerId, fence: Fence) -> Result<()> {
        self.change(Call::Pause, server, Some(fence), |guest| hold(guest, server, VmState::Paused)).await
    }

    async fn resume(&self, server: &ServerId, fence: Fence) -> Result<()> {
        self.change(Call::Resume, server, Some(fence), |guest| hold(guest, server, VmState::Running)).await
    }

    async fn suspend(&self, server: &ServerId, fence: Fence) -> Result<()> {
        let suspend = |guest: &mut Option<Guest>| match guest.as_ref().map(|g| g.state) {
            Some(VmState::Suspended) => Ok(()),
            _ => hold(guest, server, VmState::Suspended),
        };
        self.change(Call::Suspend, server, Some(fence), suspend).await
    }

    async fn destroy(&self, server: &ServerId, fence: Fence) -> Result<()> {
        let ill = self.host.meet(Call::Destroy, Some(server)).await?;
        self.fresh(server, fence)?;
        let hurry = self.host.hurry(server);
        let _turn = self.host.turn(server).await;
        drop(hurry);
        self.host.alter(server, Some(fence), |guest| {
            *guest = None;
            Ok(())
        })?;
        ill.lose()
    }

    async fn attach_disk(&self, server: &ServerId, disk: &Disk, fence: Fence) -> Result<()> {
        let attach = |guest: &mut Option<Guest>| {
            let guest = guest.as_mut().ok_or_else(|| absent(server))?;
            if guest.spec.disks.iter().any(|d| d.id == disk.id) {
                return Ok(());
            }
            if guest.is_alive() {
                key_of(disk)?;
            }
            let mut spec = guest.spec.clone();
            spec.disks.push(disk.clone());
            guest::check(&spec)?;
            guest.spec = spec;
            Ok(())
        };
        self.change(Call::AttachDisk, server, Some(fence), attach).await
    }

    async fn detach_disk(&self, server: &ServerId, disk_id: &str, fence: Fence) -> Result<()> {
        let detach = |guest: &mut Option<Guest>| {
            let Some(guest) = guest else { return Ok(()) };
            let there = guest.spec.disks.iter().any(|d| d.id == disk_id);
            if guest.is_alive() && !guest.mirrors.is_empty() {
                return Err(Error::unavailable("a disk of the guest is being moved"));
            }
            guest.lets_go(there, disk_id)?;
            guest.spec.disks.retain(|d| d.id != disk_id);
            Ok(())
        };
        self.change(Call::DetachDisk, server, Some(fence), detach).await
    }

    async fn limit_disk(&self, server: &ServerId, disk: &Disk, fence: Fence) -> Result<()> {
        let limit = |guest: &mut Option<Guest>| {
            let guest = guest.as_mut().ok_or_else(|| absent(server))?;
            let known = guest.spec.disks.iter_mut().find(|d| d.id == disk.id);
            known.ok_or_else(|| no_disk(server, &disk.id))?.io = disk.io;
            Ok(())
        };
        self.change(Call::LimitDisk, server, Some(fence), limit).await
    }

    async fn reshape(&self, spec: &VmSpec, fence: Fence) -> Result<()> {
        let server = &spec.server;
        let reshape = |guest: &mut Option<Guest>| guest.as_mut().ok_or_else(|| absent(server))?.reshape(spec);
        self.change(Call::Reshape, server, Some(fence), reshape).await
    }

    async fn limits(&self, server: &ServerId) -> Result<VmLimits> {
        self.look(Call::Limits, server, |guest| guest.limits().ok_or_else(not_running)).await
    }

    async fn attach_nic(&self, server: &ServerId, nic: &Nic, fence: Fence) -> Result<()> {
        let attach = |guest: &mut Option<Guest>| {
            let guest = guest.as_mut().ok_or_else(|| absent(server))?;
            if guest.spec.nics.iter().any(|n| n.port == nic.port) {
                return Ok(());
            }
            let mut spec = guest.spec.clone();
            spec.nics.push(nic.clone());
            guest::check(&spec)?;
            guest.spec = spec;
            Ok(())
        };
        self.change(Call::AttachNic, server, Some(fence), attach).await
    }

    async fn detach_nic(&self, server: &ServerId, port: &PortId, fence: Fence) -> Result<()> {
        let detach = |guest: &mut Option<Guest>| {
            let Some(guest) = guest else { return Ok(()) };
            let there = guest.spec.nics.iter().any(|n| &n.port == port);
            guest.lets_go(there, port)?;
            guest.spec.nics.retain(|n| &n.port != port);
            Ok(())
        };
        self.change(Call::DetachNic, server, Some(fence), detach).await
    }

    async fn copy_disk(&self, server: &ServerId, disk_id: &str, to: &Path, quiesce: Quiesce) -> Result<()> {
        let known = |guest: &Guest| {
            if !guest.is_alive() {
                return Err(not_running());
            }
            guest.spec.disks.iter().any(|d| d.id == disk_id).then_some(()).ok_or_else(|| no_disk(server, disk_id))
        };
        self.look(Call::CopyDisk, server, known).await?;
        self.at_rest(server, quiesce).await?;
        sleep(self.host.settings().copy_time).await;
        qcow2::write_empty(to).await
    }

    async fn resize_disk(&self, server: &ServerId, disk_id: &str, _size_bytes: u64) -> Result<()> {
        let known = |guest: &Guest| {
            guest.spec.disks.iter().any(|d| d.id == disk_id).then_some(()).ok_or_else(|| no_disk(server, disk_id))
        };
        self.look(Call::ResizeDisk, server, known).await
    }

    async fn inject_nmi(&self, server: &ServerId) -> Result<()> {
        let alive = |guest: &Guest| guest.is_alive().then_some(()).ok_or_else(not_running);
        self.look(Call::InjectNmi, server, alive).await
    }

    async fn console_log(&self, server: &ServerId, tail: Tail) -> Result<String> {
        let now = self.host.now();
        self.look(Call::ConsoleLog, server, |guest| Ok(guest.console(tail, now, self.host.settings()))).await
    }

    async fn vnc(&self, server: &ServerId) -> Result<VncEndpoint> {
        let alive = |guest: &Guest| guest.is_alive().then_some(()).ok_or_else(not_running);
        self.look(Call::Vnc, server, alive).await?;
        self.host.screen()
    }

    async fn stats(&self, server: &ServerId) -> Result<VmStats> {
        let now = self.host.now();
        self.look(Call::Stats, server, |guest| guest.stats(now).ok_or_else(not_running)).await
    }

    fn events(&self) -> broadcast::Receiver<VmEvent> {
        self.host.events()
    }
}

fn no_disk(server: &ServerId, id: &str) -> Error {
    Error::not_found(format!("server {server} has no disk {id} here"))
}

fn hold(guest: &mut Option<Guest>, server: &ServerId, state: VmState) -> Result<()> {
    let guest = guest.as_mut().ok_or_else(|| absent(server))?;
    if !guest.is_alive() {
        return Err(not_running());
    }
    if guest.sent && state == VmState::Running {
        return Err(Error::conflict("the guest has gone to another host"));
    }
    guest.state = state;
    Ok(())
}

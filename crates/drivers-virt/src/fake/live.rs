//! Fake guests on their way: nothing travels, the papers of both hosts say what became of the guest.

use super::{Fake, absent, guest::Guest, not_running, rules::Call};
use crate::key_file;
use async_trait::async_trait;
use compute::driver::*;
use kernel::{Error, HostName, Result, ServerId};

/// Where a fake guest is awaited: anywhere.
fn landing(spec: &VmSpec) -> Landing {
    let disks = spec.disks.iter().any(|d| d.volume.is_none()).then_some(1);
    Landing { host: "fake".into(), address: "::".into(), memory: 1, disks }
}

#[async_trait]
impl LiveMigration for Fake {
    async fn receive(&self, spec: &VmSpec, _from: &HostName, fence: Fence) -> Result<Landing> {
        let receive = |guest: &mut Option<Guest>| match guest.as_ref().map(|g| g.state) {
            Some(VmState::Arriving) => Ok(()),
            Some(_) => Err(Error::conflict("a guest of this server is here already")),
            None => {
                self.host.check(spec)?;
                key_file::check(spec)?;
                *guest = Some(Guest::arriving(spec));
                Ok(())
            }
        };
        self.change(Call::Receive, &spec.server, Some(fence), receive).await?;
        Ok(landing(spec))
    }

    async fn landing(&self, server: &ServerId) -> Result<Landing> {
        let arriving = |guest: &Guest| match guest.state {
            VmState::Arriving => Ok(landing(&guest.spec)),
            _ => Err(Error::conflict("no guest of this server is on its way here")),
        };
        self.look(Call::Landing, server, arriving).await
    }

    async fn land(&self, server: &ServerId, then: Then, fence: Fence) -> Result<()> {
        let state = if then == Then::Run { VmState::Running } else { VmState::Paused };
        let land = |guest: &mut Option<Guest>| match guest {
            Some(guest) if guest.state == VmState::Arriving => {
                (guest.state, guest.boots) = (state, 1);
                Ok(())
            }
            Some(guest) if guest.is_alive() => Ok(()),
            Some(_) => Err(not_running()),
            None => Err(absent(server)),
        };
        self.change(Call::Land, server, Some(fence), land).await
    }

    async fn send(&self, server: &ServerId, travel: &Travel, fence: Fence) -> Result<Sent> {
        let send = |guest: &mut Option<Guest>| {
            let guest = guest.as_mut().ok_or_else(|| absent(server))?;
            if !guest.is_alive() {
                return Err(not_running());
            }
            if !guest.mirrors.is_empty() {
                return Err(Error::conflict("a disk of the guest is being moved"));
            }
            if travel.to.disks.is_none() && guest.spec.disks.iter().any(|d| d.volume.is_none()) {
                return Err(Error::conflict("the other host does not take the guest's disks"));
            }
            (guest.state, guest.sent) = (VmState::Paused, true);
            Ok(())
        };
        self.change(Call::Send, server, Some(fence), send).await?;
        Ok(Sent::All)
    }

    async fn hasten(&self, server: &ServerId) -> Result<()> {
        let on_its_way = |guest: &Guest| match guest.sent {
            true => Ok(()),
            false => Err(Error::conflict("the guest's memory is not on its way")),
        };
        self.look(Call::Hasten, server, on_its_way).await
    }

    async fn call_off(&self, server: &ServerId, known: CallOff, fence: Fence) -> Result<()> {
        let stay = |guest: &mut Option<Guest>| {
            let guest = guest.as_mut().ok_or_else(|| absent(server))?;
            if guest.sent && known == CallOff::IfHere {
                return Err(Error::conflict("the guest has left already"));
            }
            guest.sent = false;
            Ok(())
        };
        self.change(Call::CallOff, server, Some(fence), stay).await
    }

    async fn progress(&self, server: &ServerId) -> Result<Progress> {
        let told = |guest: &Guest| {
            let memory = guest.spec.memory_mib << 20;
            Ok(match guest.sent {
                true => Progress {
                    stage: Stage::Sent,
                    memory_total: memory,
                    memory_sent: memory,
                    downtime_ms: Some(0),
                    ..Progress::default()
                },
                false => Progress::default(),
            })
        };
        self.look(Call::Progress, server, told).await
    }
}

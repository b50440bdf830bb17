//! The agents of fake guests: every guest that hears has one, unless its spec says that it has not.

use super::{Fake, absent, guest::Guest, not_running, rules::Call};
use async_trait::async_trait;
use compute::driver::*;
use kernel::{Error, Result, ServerId};
use std::time::Duration;

/// Whether the guest's agent answers.
fn hears(guest: &Guest) -> Result<()> {
    match (guest.state, guest.deaf) {
        (VmState::Running, false) => Ok(()),
        (VmState::Running, true) => Err(Error::conflict("the guest's agent does not answer")),
        _ => Err(not_running()),
    }
}

impl Fake {
    /// A fake copy takes no time: the guest is held, if it can be, and goes on.
    pub(super) async fn at_rest(&self, server: &ServerId, quiesce: Quiesce) -> Result<()> {
        if quiesce == Quiesce::No {
            return Ok(());
        }
        match self.freeze(server, Duration::from_secs(60)).await {
            Ok(()) => self.thaw(server).await.map(drop),
            Err(why) if quiesce == Quiesce::Required => Err(not_quiesced(why)),
            Err(_) => Ok(()),
        }
    }
}

#[async_trait]
impl GuestAgent for Fake {
    async fn set_password(&self, server: &ServerId, _user: &str, _password: &str) -> Result<()> {
        self.look(Call::SetPassword, server, hears).await
    }

    async fn freeze(&self, server: &ServerId, at_most: Duration) -> Result<()> {
        let until = self.host.now().plus(at_most);
        let freeze = |guest: &mut Option<Guest>| {
            let guest = guest.as_mut().ok_or_else(|| absent(server))?;
            if !guest.spec.guest_agent {
                return Err(Error::conflict("QEMU guest agent is not enabled"));
            }
            hears(guest)?;
            guest.held = Some(until);
            Ok(())
        };
        self.change(Call::Freeze, server, None, freeze).await
    }

    async fn thaw(&self, server: &ServerId) -> Result<bool> {
        let (now, mut was_held) = (self.host.now(), false);
        let thaw = |guest: &mut Option<Guest>| {
            let guest = guest.as_mut().ok_or_else(|| absent(server))?;
            was_held = guest.is_alive() && guest.held.take().is_some_and(|until| now < until);
            Ok(())
        };
        self.change(Call::Thaw, server, None, thaw).await?;
        Ok(was_held)
    }
}

//! The host's end of the guest agent's channel, kept open.
//!
//! qemu-ga in a guest whose channel has nobody at the other end asks for one ten times a second, for ever, which costs an emulated
//! vCPU dear. So the driver is at the other end. It drops what it hears, but for the answer to what it has asked: then the drain
//! gives way to one exchange, which begins with `guest-sync` so that no older answer is taken for its own.

use super::Vm;
use crate::qemu::sockets;
use base64::Engine;
use kernel::{Error, Result};
use serde_json::{Value, json};
use std::{
    io,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader, copy, sink},
    net::UnixStream,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

/// How long an agent may take; Nova waits as long for libvirt's.
const PATIENCE: Duration = Duration::from_secs(5);
const AGAIN: Duration = Duration::from_millis(10);
/// For a guest to write out what it has not written yet.
const FREEZING: Duration = Duration::from_secs(30);
/// Until a guest that was not heard of is told again to go on.
const AGAIN_IN: Duration = Duration::from_secs(30);
/// Tells questions of one process apart.
static NEXT: AtomicU64 = AtomicU64::new(0);
/// A line that no agent sends.
const LONGEST: usize = 64 << 10;

/// The open end; closed when dropped.
pub(super) struct Channel(JoinHandle<()>);

impl Drop for Channel {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Vm {
    /// Opens the channel of a guest that has one, if it is not open.
    pub(super) async fn hold_agent_channel(&mut self) {
        let wanted = self.record.as_ref().is_some_and(|r| r.spec.guest_agent);
        let Some(guest) = self.guest.as_mut().filter(|_| wanted) else { return };
        if guest.agent.as_ref().is_some_and(|channel| !channel.0.is_finished()) {
            return;
        }
        match sockets::connect(&self.dir.socket("agent.sock")).await {
            Ok(mut stream) => {
                let drain = async move {
                    // Its end is seen by upkeep.
                    let _ = copy(&mut stream, &mut sink()).await;
                };
                guest.agent = Some(Channel(tokio::spawn(drain)));
            }
            Err(e) => tracing::debug!(server = %self.server, error = %e, "cannot hold the guest agent's channel"),
        }
    }

    pub async fn set_password(&mut self, user: &str, password: &str) -> Result<()> {
        let coded = base64::engine::general_purpose::STANDARD.encode(password);
        let asked = json!({
            "execute": "guest-set-user-password",
            "arguments": {"username": user, "password": coded, "crypted": false},
        });
        self.exchange(&asked, PATIENCE).await.map(drop).map_err(Error::from)
    }

    /// On record before the agent hears of it, so that whoever comes after this driver lets the guest go on.
    pub async fn freeze(&mut self, at_most: Duration) -> Result<()> {
        self.agent_of()?;
        let until = Instant::now() + at_most;
        if !self.is_held() {
            self.set_held(true).await?;
            match self.freeze_now().await {
                Ok(()) => {}
                Err(Silence::Unheard(e)) => {
                    self.set_held(false).await?;
                    return Err(e);
                }
                Err(silence) => {
                    // It may do it yet.
                    self.release().await;
                    return Err(silence.into());
                }
            }
        }
        self.guest.iter_mut().for_each(|guest| guest.held_until = Some(until));
        Ok(())
    }

    async fn freeze_now(&mut self) -> std::result::Result<(), Silence> {
        let asked = json!({"execute": "guest-fsfreeze-freeze"});
        match self.exchange(&asked, FREEZING).await?.as_u64() {
            Some(count) if count > 0 => Ok(()),
            _ => Err(Silence::Refused(Error::conflict("the guest has no file system that can be held"))),
        }
    }

    pub async fn thaw(&mut self) -> Result<bool> {
        if !self.is_held() {
            return Ok(false);
        }
        let was_held = self.thaw_now().await?;
        self.set_held(false).await?;
        Ok(was_held)
    }

    async fn thaw_now(&mut self) -> Result<bool> {
        let asked = json!({"execute": "guest-fsfreeze-thaw"});
        Ok(self.exchange(&asked, PATIENCE).await?.as_u64().is_some_and(|count| count > 0))
    }

    /// Lets the guest go on before it goes away; one that is not heard of goes as it is.
    pub(super) async fn release(&mut self) {
        if let Err(e) = self.thaw().await {
            tracing::warn!(server = %self.server, error = %e.internal_text(), "a guest that is held does not answer");
            self.guest.iter_mut().for_each(|guest| guest.held_until = Some(Instant::now() + AGAIN_IN));
        }
    }

    /// Nobody has come for it, or who would have has died.
    pub(super) async fn release_in_time(&mut self) {
        let due = self.guest.as_ref().is_some_and(|guest| guest.held_until.is_none_or(|until| until <= Instant::now()));
        if self.is_held() && due {
            tracing::warn!(server = %self.server, "a guest is let go on: its file systems were held for too long");
            self.release().await;
        }
    }

    fn is_held(&self) -> bool {
        self.guest.is_some() && self.record.as_ref().is_some_and(|r| r.held)
    }

    async fn set_held(&mut self, held: bool) -> Result<()> {
        self.record.iter_mut().for_each(|r| r.held = held);
        self.save().await
    }

    /// Whether it has one.
    fn agent_of(&self) -> Result<()> {
        if self.guest.is_none() {
            return Err(self.not_running());
        }
        match self.record.as_ref().is_some_and(|r| r.spec.guest_agent) {
            true => Ok(()),
            false => Err(Error::conflict("QEMU guest agent is not enabled")),
        }
    }

    /// Asks the agent for something; its answer.
    async fn exchange(&mut self, asked: &Value, patience: Duration) -> std::result::Result<Value, Silence> {
        self.agent_of().map_err(Silence::Unheard)?;
        self.guest.iter_mut().for_each(|guest| guest.agent = None);
        let done = self.ask_agent(asked, patience).await;
        self.hold_agent_channel().await;
        let answer = done?;
        match answer["error"]["desc"].as_str() {
            None => Ok(answer["return"].clone()),
            Some(why) => {
                let refused = Error::conflict("the guest's agent refused").with_internal(why.to_owned());
                Err(Silence::Refused(refused))
            }
        }
    }

    async fn ask_agent(&self, asked: &Value, patience: Duration) -> std::result::Result<Value, Silence> {
        let silent = || Error::conflict("the guest's agent does not answer");
        let heard = timeout(PATIENCE, self.find_agent()).await;
        let mut stream = match heard {
            Ok(Ok(stream)) => stream,
            Ok(Err(e)) => return Err(Silence::Unheard(silent().with_source(e))),
            Err(_) => return Err(Silence::Unheard(silent())),
        };
        let answer = timeout(patience, async {
            stream.get_mut().write_all(format!("{asked}\n").as_bytes()).await?;
            next(&mut stream).await
        });
        match answer.await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(e)) => Err(Silence::Unanswered(silent().with_source(e))),
            Err(_) => Err(Silence::Unanswered(silent())),
        }
    }

    /// Until the agent has said that it hears, so that what it says next is the answer to what is asked next.
    async fn find_agent(&self) -> io::Result<BufReader<UnixStream>> {
        let socket = self.dir.socket("agent.sock");
        // QEMU takes the next client when it has noticed that the last one left.
        let mut stream = loop {
            match sockets::connect(&socket).await {
                Ok(stream) => break BufReader::new(stream),
                Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => sleep(AGAIN).await,
                Err(e) => return Err(e),
            }
        };
        let id = u64::from(std::process::id()) << 20 | NEXT.fetch_add(1, Ordering::Relaxed) & 0xf_ffff;
        let sync = json!({"execute": "guest-sync", "arguments": {"id": id}});
        stream.get_mut().write_all(format!("{sync}\n").as_bytes()).await?;
        while next(&mut stream).await?["return"] != json!(id) {}
        Ok(stream)
    }
}

/// Why an agent gave no answer, and what it may have done.
enum Silence {
    /// It was not there, and has not heard what it was to do.
    Unheard(Error),
    /// It heard.
    Unanswered(Error),
    /// It will not.
    Refused(Error),
}

impl From<Silence> for Error {
    fn from(silence: Silence) -> Self {
        match silence {
            Silence::Unheard(e) | Silence::Unanswered(e) | Silence::Refused(e) => e,
        }
    }
}

async fn next(stream: &mut BufReader<impl AsyncRead + Unpin>) -> io::Result<Value> {
    let mut line = Vec::new();
    loop {
        line.clear();
        if stream.read_until(b'\n', &mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if line.len() > LONGEST {
            return Err(io::ErrorKind::InvalidData.into());
        }
        // 0xff begins an answer after the agent was reset.
        let text = line.iter().position(|b| *b == b'{').map_or(&[][..], |at| &line[at..]);
        if let Ok(value) = serde_json::from_slice(text) {
            return Ok(value);
        }
    }
}

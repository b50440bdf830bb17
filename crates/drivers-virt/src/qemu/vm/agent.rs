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
use std::{io, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader, copy, sink},
    task::JoinHandle,
    time::{sleep, timeout},
};

/// How long an agent may take; Nova waits as long for libvirt's.
const PATIENCE: Duration = Duration::from_secs(5);
const AGAIN: Duration = Duration::from_millis(10);
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
        let has_agent = self.record.as_ref().is_some_and(|r| r.spec.guest_agent);
        let Some(guest) = self.guest.as_mut() else { return Err(self.not_running()) };
        if !has_agent {
            return Err(Error::conflict("the guest has no agent"));
        }
        guest.agent = None;
        let coded = base64::engine::general_purpose::STANDARD.encode(password);
        let asked = json!({
            "execute": "guest-set-user-password",
            "arguments": {"username": user, "password": coded, "crypted": false},
        });
        let answer = timeout(PATIENCE, self.ask_agent(&asked)).await;
        self.hold_agent_channel().await;
        let silent = || Error::conflict("the guest's agent does not answer");
        let answer = answer.map_err(|_| silent())?.map_err(|e| silent().with_source(e))?;
        match answer["error"]["desc"].as_str() {
            None => Ok(()),
            Some(why) => Err(Error::conflict("the guest's agent refused").with_internal(why.to_owned())),
        }
    }

    async fn ask_agent(&self, asked: &Value) -> io::Result<Value> {
        let socket = self.dir.socket("agent.sock");
        // QEMU takes the next client when it has noticed that the last one left.
        let mut stream = loop {
            match sockets::connect(&socket).await {
                Ok(stream) => break BufReader::new(stream),
                Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => sleep(AGAIN).await,
                Err(e) => return Err(e),
            }
        };
        let sync = json!({"execute": "guest-sync", "arguments": {"id": std::process::id()}});
        stream.get_mut().write_all(format!("{sync}\n").as_bytes()).await?;
        while next(&mut stream).await?["return"] != json!(std::process::id()) {}
        stream.get_mut().write_all(format!("{asked}\n").as_bytes()).await?;
        next(&mut stream).await
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

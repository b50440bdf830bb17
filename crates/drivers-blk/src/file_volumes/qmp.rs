//! A conversation with a storage daemon in QEMU's machine protocol: one command at a time over a connection of its own.
//!
//! The daemon serves one connection and lets the next wait, so a conversation is short and whoever opens one holds the volume's
//! turn. A conversation that met a timeout is over: a late answer would be taken for the next one's.

use crate::qemu_img::NO_SPACE;
use kernel::Error;
use serde_json::{Value, json};
use std::{io, path::Path, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::timeout,
};

/// A line longer than this is not QEMU speaking.
const LINE_LIMIT: u64 = 4 << 20;

#[derive(Debug, thiserror::Error)]
pub(super) enum QmpError {
    /// It said no: the command did not happen.
    #[error("{command}: {text}")]
    Refused { command: String, text: String },
    #[error("{command}: no answer within {} s", .after.as_secs())]
    Timeout { command: String, after: Duration },
    #[error("speaking to the storage daemon: {0}")]
    Io(#[from] io::Error),
}

impl QmpError {
    /// Whether the conversation can go on.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }

    pub(super) fn says(&self, words: &str) -> bool {
        matches!(self, Self::Refused { text, .. } if text.contains(words))
    }

    /// `Internal` when it refused (nothing happened), `Unavailable` when nobody knows.
    pub(super) fn while_doing(self, doing: &str) -> Error {
        match self {
            Self::Refused { ref text, .. } if is_full(text) => no_space(doing).with_source(self),
            Self::Refused { .. } => Error::internal(doing).with_source(self),
            unknown => {
                Error::unavailable("the storage daemon does not answer").with_internal(doing).with_source(unknown)
            }
        }
    }
}

pub(super) fn is_full(text: &str) -> bool {
    text.contains("No space left on device") || text.contains("Disk quota exceeded")
}

pub(super) fn no_space(doing: &str) -> Error {
    Error::too_large(format!("{doing} failed: no space left on the host's disk")).with_code(NO_SPACE)
}

#[derive(Debug)]
pub(super) struct Qmp {
    read: BufReader<OwnedReadHalf>,
    write: OwnedWriteHalf,
    patience: Duration,
}

impl Qmp {
    /// Connects and negotiates. The daemon answers once it has done all that its command line asks of it.
    pub(super) async fn connect(path: &Path, patience: Duration) -> Result<Self, QmpError> {
        let (read, write) = UnixStream::connect(path).await?.into_split();
        let mut qmp = Self { read: BufReader::new(read), write, patience };
        let late = || QmpError::Timeout { command: "connect".into(), after: patience };
        let greeting = timeout(patience, qmp.message()).await.map_err(|_| late())??;
        if !greeting["QMP"].is_object() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the greeting is not one").into());
        }
        qmp.execute("qmp_capabilities", json!({})).await?;
        Ok(qmp)
    }

    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    pub(super) async fn execute(&mut self, command: &str, arguments: Value) -> Result<Value, QmpError> {
        let after = self.patience;
        let late = || QmpError::Timeout { command: command.into(), after };
        let line = json!({"execute": command, "arguments": arguments}).to_string() + "\n";
        let mut answer = timeout(after, self.exchange(&line)).await.map_err(|_| late())??;
        match answer.get("error") {
            None => Ok(answer["return"].take()),
            Some(error) => {
                let text = error["desc"].as_str().unwrap_or_default().to_owned();
                Err(QmpError::Refused { command: command.into(), text })
            }
        }
    }

    /// Says a line; the answer is the next message that is no event.
    async fn exchange(&mut self, line: &str) -> io::Result<Value> {
        self.write.write_all(line.as_bytes()).await?;
        loop {
            let message = self.message().await?;
            if message.get("event").is_none() {
                return Ok(message);
            }
        }
    }

    async fn message(&mut self) -> io::Result<Value> {
        let mut line = String::new();
        let read = (&mut self.read).take(LINE_LIMIT).read_line(&mut line).await?;
        if read == 0 || !line.ends_with('\n') {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        serde_json::from_str(&line).map_err(io::Error::from)
    }
}

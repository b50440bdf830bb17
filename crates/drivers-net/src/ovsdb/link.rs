//! One connection to a server: JSON-RPC 1.0 messages out and in. A task of its own writes, because the server stops reading
//! while it has something to send: if we, too, stopped reading until all was written, both would wait for ever.

use super::{Endpoint, Error, endpoint::Reader, frame::Framer};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::mpsc,
    task::JoinHandle,
};

/// A message from the server.
#[derive(Debug)]
pub enum Incoming {
    Reply { id: u64, result: Result<Value, Error> },
    Notification { method: String, params: Value },
}

pub struct Link {
    reader: Reader,
    framer: Framer,
    writer: mpsc::UnboundedSender<Vec<u8>>,
    writing: JoinHandle<()>,
    next_id: u64,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.writing.abort();
    }
}

impl Link {
    pub async fn open(endpoint: &Endpoint, limit: Duration) -> Result<Self, Error> {
        let failed = |e: std::io::Error| Error::Broken(format!("connecting to {endpoint}: {e}"));
        let (reader, mut sink) = endpoint.dial(limit).await.map_err(failed)?;
        let (writer, mut outgoing) = mpsc::unbounded_channel::<Vec<u8>>();
        let writing = tokio::spawn(async move {
            while let Some(bytes) = outgoing.recv().await {
                if sink.write_all(&bytes).await.is_err() {
                    return;
                }
            }
        });
        Ok(Self { reader, framer: Framer::default(), writer, writing, next_id: 0 })
    }

    /// Sends a request and says under which id its reply will come.
    pub fn send(&mut self, method: &str, params: &Value) -> Result<u64, Error> {
        self.next_id += 1;
        self.write(&json!({"method": method, "params": params, "id": self.next_id}))?;
        Ok(self.next_id)
    }

    fn write(&self, message: &Value) -> Result<(), Error> {
        self.writer
            .send(message.to_string().into_bytes())
            .map_err(|_| Error::Broken("it does not take what we write".into()))
    }

    /// The next message that is not the server's own `echo`, which is answered here. Dropping the future loses nothing.
    pub async fn receive(&mut self) -> Result<Incoming, Error> {
        loop {
            while let Some(frame) = self.framer.next()? {
                let message: Value =
                    serde_json::from_slice(&frame).map_err(|e| Error::Protocol(format!("unreadable JSON: {e}")))?;
                if message.get("method").and_then(Value::as_str) == Some("echo") {
                    self.write(&json!({"result": message["params"], "error": null, "id": message["id"]}))?;
                } else {
                    return incoming(message);
                }
            }
            let read = self.reader.read_buf(&mut self.framer.buffer).await;
            match read.map_err(|e| Error::Broken(format!("reading: {e}")))? {
                0 => return Err(Error::Broken("the server closed it".into())),
                _ => continue,
            }
        }
    }

    /// Sends a request and waits for its reply; what else comes in meanwhile is handed to `other`.
    pub async fn call(
        &mut self,
        method: &str,
        params: &Value,
        mut other: impl FnMut(Incoming),
    ) -> Result<Value, Error> {
        let sent = self.send(method, params)?;
        loop {
            match self.receive().await? {
                Incoming::Reply { id, result } if id == sent => return result,
                incoming => other(incoming),
            }
        }
    }
}

fn incoming(mut message: Value) -> Result<Incoming, Error> {
    if let Some(method) = message.get("method").and_then(Value::as_str) {
        return Ok(Incoming::Notification { method: method.to_owned(), params: message["params"].take() });
    }
    let id = message
        .get("id")
        .and_then(Value::as_u64)
        .ok_or_else(|| Error::Protocol("a reply to nothing we asked".into()))?;
    let result = match message["error"].take() {
        Value::Null => Ok(message["result"].take()),
        error => Err(refusal(&error)),
    };
    Ok(Incoming::Reply { id, result })
}

/// The error of a whole request: an object for the database, a string for the control sockets.
fn refusal(error: &Value) -> Error {
    match error.get("error").and_then(Value::as_str) {
        Some(name) => Error::refused(name, error.get("details").and_then(Value::as_str).unwrap_or_default()),
        None => Error::refused("request failed", error.as_str().unwrap_or_default().trim()),
    }
}

/// One command on a daemon's control socket (what `ovs-appctl` does), with its answer.
pub async fn control(
    socket: &std::path::Path,
    command: &str,
    arguments: &[&str],
    limit: Duration,
) -> Result<String, Error> {
    let asking = async {
        let mut link = Link::open(&Endpoint::Unix(socket.to_owned()), limit).await?;
        let answer = link.call(command, &json!(arguments), |_| {}).await?;
        Ok(answer.as_str().unwrap_or_default().to_owned())
    };
    tokio::time::timeout(limit, asking).await.unwrap_or(Err(Error::Timeout(limit)))
}

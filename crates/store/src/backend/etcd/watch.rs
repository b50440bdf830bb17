//! The watch, made whole from streams that end.

use super::{Inner, endpoints::Failure};
use crate::{
    Revision,
    backend::{RawBatch, RawWatch},
    keys,
};
use bytes::Bytes;
use etcd_client::{EventType, WatchOptions, WatchResponse, WatchStream};
use futures_util::{StreamExt, stream, stream::BoxStream};
use std::{collections::VecDeque, sync::Arc, time::Duration};

/// A watch that is silent for this long is held against the head; if the head has moved and the watch is silent again, it is dead.
const SILENCE: Duration = Duration::from_secs(2);
const RETRY: Duration = Duration::from_millis(100);

struct Watcher {
    etcd: Arc<Inner>,
    /// The last revision that is complete.
    last: Revision,
    stream: Option<Stream>,
    ready: VecDeque<RawWatch>,
}

struct Stream {
    inner: WatchStream,
    endpoint: usize,
    /// Events of a revision whose end has not come yet.
    part: Vec<(Revision, (String, Option<Bytes>))>,
    /// A revision that should have come by now.
    overdue: Revision,
}

pub(super) fn watch(etcd: Arc<Inner>, from: Revision) -> BoxStream<'static, RawWatch> {
    let watcher = Watcher { etcd, last: from, stream: None, ready: VecDeque::new() };
    stream::unfold(Some(watcher), |watcher| async {
        let mut watcher = watcher?;
        let item = watcher.next().await;
        let over = matches!(item, RawWatch::Lost);
        Some((item, (!over).then_some(watcher)))
    })
    .boxed()
}

impl Watcher {
    async fn next(&mut self) -> RawWatch {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return item;
            }
            let Some(stream) = &mut self.stream else {
                match self.connect().await {
                    Ok(Some(stream)) => self.stream = Some(stream),
                    Ok(None) => return RawWatch::Lost,
                    Err(failure) => {
                        tracing::debug!(why = %failure, "the watch of etcd cannot begin yet");
                        tokio::time::sleep(RETRY).await;
                    }
                }
                continue;
            };
            match tokio::time::timeout(SILENCE, stream.inner.message()).await {
                Ok(Ok(Some(response))) => self.take(&response),
                Ok(Ok(None)) => self.drop_stream("it ended"),
                Ok(Err(e)) => self.drop_stream(&e.to_string()),
                Err(_) => self.check_silence().await,
            }
        }
    }

    /// Begins after the last revision seen; see the head of the folder for what is done about compaction. `None`: the log is not
    /// the one that was seen.
    async fn connect(&self) -> Result<Option<Stream>, Failure> {
        let head = self.etcd.read_head().await?;
        if head.revision < self.last {
            return Ok(None);
        }
        let start = if head.revision == self.last { head.etcd + 1 } else { self.last + 1 };
        let options = WatchOptions::new().with_range(keys::LOG.end).with_start_revision(start).with_fragment();
        let (_, endpoint) = self.etcd.endpoints.current();
        let open =
            |mut e: super::endpoints::Endpoint| async move { e.watch.watch(keys::LOG.start, Some(options)).await };
        let inner = self.etcd.endpoints.once(open).await?;
        Ok(Some(Stream { inner, endpoint, part: Vec::new(), overdue: 0 }))
    }

    fn drop_stream(&mut self, why: &str) {
        if let Some(stream) = self.stream.take() {
            tracing::debug!(why, last = self.last, "the watch of etcd broke off; it is taken up elsewhere");
            self.etcd.endpoints.give_up(stream.endpoint);
        }
    }

    async fn check_silence(&mut self) {
        let Some(stream) = &mut self.stream else { return };
        if stream.overdue > self.last {
            return self.drop_stream("it is silent and behind");
        }
        if let Ok(head) = self.etcd.read_head().await {
            stream.overdue = head.revision;
        }
    }

    fn take(&mut self, response: &WatchResponse) {
        let Some(stream) = &mut self.stream else { return };
        if response.canceled() {
            match response.compact_revision() {
                0 => self.drop_stream(response.cancel_reason()),
                _ => self.ready.push_back(RawWatch::Lost),
            }
            return;
        }
        for event in response.events() {
            let Some(kv) = event.kv() else { continue };
            let (revision, put) = (kv.mod_revision(), event.event_type() == EventType::Put);
            match kv.key_str() {
                Ok(keys::HEAD) => {
                    let part = std::mem::take(&mut stream.part);
                    let whole = part.iter().all(|(of, _)| *of == revision);
                    let events = part.into_iter().map(|(_, event)| event).collect();
                    self.ready.extend(complete(&mut self.last, whole, RawBatch { revision, events }));
                }
                Ok(key) => {
                    stream.part.push((revision, (key.to_owned(), put.then(|| Bytes::copy_from_slice(kv.value())))))
                }
                Err(_) => {} // not a key of ours
            }
        }
    }
}

/// A revision whose head has come. If something else lies before it, somebody has written past us, and only a load tells what.
fn complete(last: &mut Revision, whole: bool, batch: RawBatch) -> Option<RawWatch> {
    if !whole {
        return Some(RawWatch::Lost);
    }
    if batch.revision <= *last {
        return None; // seen before the stream broke off
    }
    *last = batch.revision;
    Some(RawWatch::Batch(Arc::new(batch)))
}

//! Linearizable reads of the log's head: one round trip for all who came before it began.
//!
//! Who comes while one is under way must not share it: it may have read the head before they came. They share the next one.

use crate::{Backend, Revision, backend::BackendError};
use parking_lot::Mutex;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

type Answer = Result<Revision, BackendError>;

#[derive(Clone)]
pub(crate) struct HeadReads(Arc<Inner>);

struct Inner {
    backend: Arc<dyn Backend>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    running: bool,
    waiting: Vec<oneshot::Sender<Answer>>,
    /// What the last read found, and when it began.
    confirmed: Option<(Instant, Revision)>,
}

impl HeadReads {
    pub(crate) fn new(backend: Arc<dyn Backend>) -> Self {
        Self(Arc::new(Inner { backend, state: Mutex::default() }))
    }

    /// A revision that was the head at some moment within the last `age`.
    pub(crate) fn confirmed_within(&self, age: Duration) -> Option<Revision> {
        let (began, revision) = self.0.state.lock().confirmed?;
        (began.elapsed() < age).then_some(revision)
    }

    /// The head as it is at some moment of this call.
    pub(crate) async fn read(&self) -> Answer {
        if !self.0.backend.shared() {
            return self.0.backend.head().await;
        }
        let (sender, receiver) = oneshot::channel();
        let begin = {
            let mut state = self.0.state.lock();
            state.waiting.push(sender);
            !std::mem::replace(&mut state.running, true)
        };
        if begin {
            // A task of its own, for the callers may give up.
            tokio::spawn(self.clone().serve());
        }
        receiver.await.unwrap_or_else(|_| Err(BackendError::Unavailable("the store is shutting down".into())))
    }

    async fn serve(self) {
        loop {
            let (began, callers) = {
                let mut state = self.0.state.lock();
                let callers = std::mem::take(&mut state.waiting);
                state.running = !callers.is_empty();
                (Instant::now(), callers)
            };
            if callers.is_empty() {
                return;
            }
            let answer = self.0.backend.head().await;
            if let Ok(revision) = &answer {
                self.0.state.lock().confirmed = Some((began, *revision));
            }
            for caller in callers {
                let _ = caller.send(answer.clone()); // it may have given up
            }
        }
    }
}

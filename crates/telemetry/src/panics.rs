//! Panics are bugs, and a bug in one task must stay in that task: caught, counted under the task's name, logged, reported.

use futures_util::FutureExt;
use std::{any::Any, fmt, future::Future, panic::AssertUnwindSafe};
use tokio::task::JoinHandle;

/// A task ended by a panic, which was counted and logged already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panicked {
    pub task: &'static str,
    pub text: String,
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} panicked: {}", self.task, self.text)
    }
}

impl std::error::Error for Panicked {}

/// What a panic's payload says.
pub(crate) fn text(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic without a text")
}

/// Counts and logs a panic that the caller caught.
pub fn counted_panic(task: &'static str, payload: &(dyn Any + Send)) -> Panicked {
    crate::metrics().panicked(task);
    let text = text(payload).to_owned();
    tracing::error!(task, "caught a panic: {text}");
    Panicked { task, text }
}

/// Runs `future` here.
pub async fn caught<F: Future>(task: &'static str, future: F) -> Result<F::Output, Panicked> {
    // Whatever the future owned is dropped by the unwinding; what it shared is behind locks that do not poison, or is
    // the owner's to check when it learns of the panic.
    AssertUnwindSafe(future).catch_unwind().await.map_err(|payload| counted_panic(task, &*payload))
}

/// Runs `future` as a task of its own.
pub fn spawn_caught<F>(task: &'static str, future: F) -> JoinHandle<Result<F::Output, Panicked>>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    tokio::spawn(caught(task, future))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_reported_and_counted() {
        assert_eq!(spawn_caught("fine", async { 7 }).await.unwrap(), Ok(7));
        let got = spawn_caught("test-panics", async { panic!("at {}", "once") }).await.unwrap();
        assert_eq!(got, Err::<(), _>(Panicked { task: "test-panics", text: "at once".into() }));
        let text = crate::render();
        assert!(text.contains("tstack_panics_total{task=\"test-panics\"} 1\n"), "{text}");
    }
}

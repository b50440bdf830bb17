//! One call at a time per volume, or whatever else has a name. A turn is forgotten when nobody holds it or waits for it.

use crate::ground::Ground;
use kernel::{Result, VolumeId, error::Doing};
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Weak},
};
use tokio::{
    sync::{Mutex as Queue, OwnedMutexGuard},
    task::spawn_blocking,
};
use volume::driver::Fence;

#[derive(Default)]
pub(crate) struct Turns(Mutex<HashMap<String, Weak<Queue<()>>>>);

/// Held while a call works on a volume.
pub(crate) type Turn = OwnedMutexGuard<()>;

impl Turns {
    pub(crate) async fn take(&self, name: &str) -> Turn {
        let queue = {
            let mut queues = self.0.lock();
            queues.retain(|_, queue| queue.strong_count() > 0);
            match queues.get(name).and_then(Weak::upgrade) {
                Some(queue) => queue,
                None => {
                    let queue = Arc::new(Queue::new(()));
                    queues.insert(name.to_owned(), Arc::downgrade(&queue));
                    queue
                }
            }
        };
        queue.lock_owned().await
    }
}

/// A pool whose calls on one volume take turns. A call that began runs to its end even if its caller goes away; the caller's next
/// try waits for it and finds it done.
pub(crate) trait Orderly: Clone + Send + Sync + 'static {
    fn turns(&self) -> &Turns;
    fn ground(&self) -> &Ground;

    /// Runs `work` in a task of its own, with the volume's turn.
    fn task<T: Send + 'static, F: Future<Output = Result<T>> + Send>(
        &self,
        id: &VolumeId,
        work: impl FnOnce(Self) -> F + Send + 'static,
    ) -> impl Future<Output = Result<T>> + Send {
        let (own, id) = (self.clone(), id.clone());
        let task = tokio::spawn(async move {
            let _turn = own.turns().take(&id).await;
            work(own.clone()).await
        });
        async move { task.await.doing("working on a volume")? }
    }

    /// The same, if the fence lets it pass.
    fn change<T: Send + 'static, F: Future<Output = Result<T>> + Send>(
        &self,
        id: &VolumeId,
        fence: Fence,
        work: impl FnOnce(Self) -> F + Send + 'static,
    ) -> impl Future<Output = Result<T>> + Send {
        let of = id.clone();
        let passed = async move |pool: Self| {
            let own = pool.clone();
            spawn_blocking(move || own.ground().pass(&of, fence)).await.doing("checking a volume's fence")??;
            work(pool).await
        };
        self.task(id, passed)
    }
}

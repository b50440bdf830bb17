//! One call at a time per volume. A turn is forgotten when nobody holds it or waits for it.

use kernel::VolumeId;
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};
use tokio::sync::{Mutex as Queue, OwnedMutexGuard};

#[derive(Default)]
pub(crate) struct Turns(Mutex<HashMap<VolumeId, Weak<Queue<()>>>>);

/// Held while a call works on a volume.
pub(crate) type Turn = OwnedMutexGuard<()>;

impl Turns {
    pub(crate) async fn take(&self, id: &VolumeId) -> Turn {
        let queue = {
            let mut queues = self.0.lock();
            queues.retain(|_, queue| queue.strong_count() > 0);
            match queues.get(id).and_then(Weak::upgrade) {
                Some(queue) => queue,
                None => {
                    let queue = Arc::new(Queue::new(()));
                    queues.insert(id.clone(), Arc::downgrade(&queue));
                    queue
                }
            }
        };
        queue.lock_owned().await
    }
}

//! Keeps daemons running as long as this process does. Their own monitors restart them after a crash, also when we are not
//! there; after any other death (a `kill -9`, the out-of-memory killer) we do.

use super::daemon::Daemon;
use parking_lot::Mutex;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

pub struct Supervisor {
    restarts: Arc<Mutex<BTreeMap<&'static str, u64>>>,
    /// Ends with the supervisor; the daemons do not.
    _watchers: JoinSet<()>,
}

impl Supervisor {
    pub fn watch(daemons: Vec<Daemon>) -> Self {
        let restarts: Arc<Mutex<BTreeMap<_, _>>> = Arc::new(Mutex::new(daemons.iter().map(|d| (d.name, 0)).collect()));
        let mut watchers = JoinSet::new();
        for daemon in daemons {
            watchers.spawn(keep(daemon, restarts.clone()));
        }
        Self { restarts, _watchers: watchers }
    }

    /// How often each daemon was found dead or replaced: more than none is worth an alarm.
    pub fn restarts(&self) -> BTreeMap<&'static str, u64> {
        self.restarts.lock().clone()
    }
}

async fn keep(daemon: Daemon, restarts: Arc<Mutex<BTreeMap<&'static str, u64>>>) {
    let mut pause = FIRST_PAUSE;
    loop {
        let since = Instant::now();
        if let Err(error) = daemon.died().await {
            tracing::warn!(daemon = daemon.name, error = %error.internal_text(), "watching it");
            sleep(LONGEST_PAUSE).await;
            continue;
        }
        if since.elapsed() > LONGEST_PAUSE {
            pause = FIRST_PAUSE;
        }
        *restarts.lock().entry(daemon.name).or_default() += 1;
        tracing::warn!(daemon = daemon.name, log = %daemon.log().display(), "it died");
        while let Err(error) = daemon.ensure().await {
            tracing::error!(daemon = daemon.name, error = %error.internal_text(), "it cannot be started again");
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

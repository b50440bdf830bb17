//! Sends observations: collected for a few milliseconds, the newest per server, again and again until the member has them.

use crate::MemberLink;
use compute::model::vm::VmObserved;
use kernel::{HostName, ServerId};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::sync::mpsc;

/// How long the first observation of a batch waits for company.
const GATHER: Duration = Duration::from_millis(3);
const RETRY: Duration = Duration::from_millis(500);

#[derive(Clone)]
pub(crate) struct Reporter(mpsc::UnboundedSender<VmObserved>);

impl Reporter {
    pub(crate) fn start(host: HostName, link: Arc<dyn MemberLink>) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let (mut receiver, mut waiting) = (receiver, HashMap::new());
            while telemetry::caught("agent.report", send_all(&host, &*link, &mut receiver, &mut waiting)).await.is_err()
            {
                tokio::time::sleep(RETRY).await;
            }
        });
        Self(sender)
    }

    pub(crate) fn send(&self, observation: VmObserved) {
        let _ = self.0.send(observation); // only gone when the agent ends
    }
}

async fn send_all(
    host: &HostName,
    link: &dyn MemberLink,
    incoming: &mut mpsc::UnboundedReceiver<VmObserved>,
    waiting: &mut HashMap<ServerId, VmObserved>,
) {
    loop {
        if waiting.is_empty() {
            match incoming.recv().await {
                Some(first) => add(waiting, first),
                None => return,
            }
            tokio::time::sleep(GATHER).await;
        }
        while let Ok(more) = incoming.try_recv() {
            add(waiting, more);
        }
        match link.observe(host, waiting.values().cloned().collect()).await {
            Ok(()) => waiting.clear(),
            Err(e) => {
                tracing::debug!(error = %e.internal_text(), waiting = waiting.len(), "observations could not be sent");
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

fn add(waiting: &mut HashMap<ServerId, VmObserved>, new: VmObserved) {
    match waiting.get(&new.server) {
        Some(old) if !new.supersedes(old) => {}
        _ => {
            waiting.insert(new.server.clone(), new);
        }
    }
}

//! A guest whose file systems are held while snapshots of its volumes are taken goes on when they have been.
//!
//! It was held before the transaction that starts this flow, and for no longer than [`AT_MOST`]: its host lets it go on by then, whatever
//! becomes of the members. So nothing is lost if the request fails in between, and this flow need not succeed.

use crate::Compute;
use flow::{Commit, Flow, Step, StepCx, StepError, StepResult};
use kernel::{HostName, Result, ServerId, SnapshotId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use store::Tx;

/// How long snapshots may take that are to be of file systems at rest.
pub(crate) const AT_MOST: Duration = Duration::from_secs(60);
/// Longer than a guest's agent may take.
pub(crate) const WITHIN: Duration = Duration::from_secs(45);

pub struct ThawServer(pub Compute);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    pub server: ServerId,
    pub host: HostName,
    /// Of its volumes.
    pub snapshots: Vec<SnapshotId>,
}

/// What the flow is of: not of the server, which others may go on with.
pub(crate) fn object(server: &ServerId) -> String {
    format!("thaw/{server}")
}

impl Flow for ThawServer {
    const KIND: &'static str = "compute.thaw_server";
    type State = State;

    fn steps() -> Vec<Step<Self>> {
        vec![Step::new("thaw", Self::thaw).within(AT_MOST + WITHIN, AT_MOST + WITHIN)]
    }

    fn failed(&self, _: &mut Tx, state: &State, why: &str, _: Timestamp) -> Result<()> {
        tracing::warn!(server = %state.server, why, "a guest was not told to go on; its host sees to it");
        Ok(())
    }
}

impl ThawServer {
    async fn thaw(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        let c = &self.0;
        let taken = cx.wait_for(|view| {
            let all = state.snapshots.iter().all(|snapshot| c.volumes.is_taken(view, snapshot));
            all.then_some(Ok::<_, StepError>(()))
        });
        // Those that take longer are of a guest that goes on.
        let _ = tokio::time::timeout(AT_MOST, taken).await;
        c.hosts.call(&state.host, "vm.thaw", json!({"server": state.server}), WITHIN).await?;
        Ok(Commit::nothing())
    }
}

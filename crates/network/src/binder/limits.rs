//! What a server's ports are held to.

use super::show;
use crate::{Network, driver::LQos, model::qos};
use kernel::{PortId, Result, ServerId};
use serde::Serialize;
use store::Snapshot;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PortLimits {
    pub port_id: PortId,
    /// By the port's QoS policy, or its network's, and by its server's flavor.
    pub asked: LQos,
    /// As the back end tells; `None`: it cannot.
    pub in_force: Option<LQos>,
}

impl Network {
    pub async fn port_limits(&self, snapshot: &Snapshot, server: &ServerId) -> Result<Vec<PortLimits>> {
        let mut all = Vec::new();
        for port in show::of_server(snapshot, server) {
            let asked = qos::of_port(snapshot, &port);
            let in_force = self.backend().limits_of(&port.id).await?;
            all.push(PortLimits { port_id: port.id.clone(), asked, in_force });
        }
        Ok(all)
    }
}

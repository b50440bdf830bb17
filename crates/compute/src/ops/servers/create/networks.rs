//! The `networks` of a request as interfaces, and their places in the guest.

use super::request::{NetworkItem, Networks, NewServer};
use crate::{Compute, error::invalid, model::ServerNic};
use kernel::{Ctx, ProjectId, Result};
use ports::{NicRequest, PortPlan};
use std::net::IpAddr;
use store::Tx;

/// The network service's word for a project without networks.
const NO_NETWORK: &str = "UnableToAutoAllocateNetwork";

pub(super) struct Nics {
    /// `None`: whatever network the project has.
    pub(super) requested: Option<Vec<NicRequest>>,
    tags: Vec<Option<String>>,
    unasked: Unasked,
}

/// What a project without a network gets whose request names none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unasked {
    /// A server without interfaces: until 2.37 a request need not speak of networks.
    Nothing,
    /// A network that is made for it: `auto` was asked for.
    Automatic,
}

impl Nics {
    pub(super) fn read(_cx: &Ctx, server: &NewServer, count: u32) -> Result<Self> {
        let list = match &server.networks {
            Networks::Absent => return Ok(Self::whatever(Unasked::Nothing)),
            Networks::Word(word) if word == "none" => {
                return Ok(Self { requested: Some(Vec::new()), ..Self::whatever(Unasked::Automatic) });
            }
            Networks::Word(_) => return Ok(Self::whatever(Unasked::Automatic)),
            // Nova takes an empty list for none given.
            Networks::List(list) if list.is_empty() => return Ok(Self::whatever(Unasked::Nothing)),
            Networks::List(list) => list,
        };
        let requested = list.iter().map(|item| read(item, count)).collect::<Result<_>>()?;
        let tags = list.iter().map(|item| item.tag.clone()).collect();
        Ok(Self { requested: Some(requested), tags, unasked: Unasked::Automatic })
    }

    fn whatever(unasked: Unasked) -> Self {
        Self { requested: None, tags: Vec::new(), unasked }
    }

    /// Which ports the server gets; for `auto`, the project's network is made if there is none.
    pub(super) fn plan(&self, c: &Compute, cx: &Ctx, tx: &mut Tx, project: &ProjectId) -> Result<Vec<PortPlan>> {
        let planned = c.ports.plan(cx, tx, project, self.requested.as_deref());
        let none = planned.as_ref().is_err_and(|e| e.code() == Some(NO_NETWORK));
        if none && self.unasked == Unasked::Automatic {
            c.ports.allocate_network(tx, project)?;
            return c.ports.plan(cx, tx, project, None);
        }
        self.settle(planned)
    }

    /// The plan, or none where there is no network and none was asked for.
    fn settle(&self, planned: Result<Vec<PortPlan>>) -> Result<Vec<PortPlan>> {
        match planned {
            Err(e) if self.unasked == Unasked::Nothing && e.code() == Some(NO_NETWORK) => Ok(Vec::new()),
            planned => planned,
        }
    }

    /// Interfaces in the order of the request, each with the next slot.
    pub(super) fn place(&self, plan: Vec<PortPlan>) -> Vec<ServerNic> {
        let tag = |at: usize| self.tags.get(at).cloned().flatten();
        let slot = |at: usize| u8::try_from(at).unwrap_or(u8::MAX);
        plan.into_iter().enumerate().map(|(at, plan)| ServerNic { plan, slot: slot(at), tag: tag(at) }).collect()
    }
}

fn read(item: &NetworkItem, count: u32) -> Result<NicRequest> {
    if let Some(port) = &item.port {
        if let Some(address) = &item.fixed_ip {
            return Err(invalid(format!(
                "Specified Fixed IP '{address}' cannot be used with port '{port}': the two cannot be specified together."
            )));
        }
        if count > 1 {
            return Err(invalid(
                "Unable to launch multiple instances with a single configured port ID. Please launch your instance one \
                 by one with different ports.",
            ));
        }
        return Ok(NicRequest::Port { port: port.as_str().into() });
    }
    let network = item.uuid.as_deref().unwrap_or_default();
    if uuid::Uuid::try_parse(network).is_err() {
        return Err(invalid(format!("Bad networks format: network uuid is not in proper format ({network})")));
    }
    let fixed_ip = match &item.fixed_ip {
        None => None,
        Some(_) if count > 1 => {
            return Err(invalid(
                "Failed to launch instances: max_count cannot be greater than 1 if an specific fixed IP is specified",
            ));
        }
        Some(text) => Some(text.parse::<IpAddr>().map_err(|_| invalid(format!("Invalid fixed IP address ({text})")))?),
    };
    Ok(NicRequest::Network { network: network.into(), fixed_ip })
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::Error;

    #[test]
    fn a_project_without_networks() {
        let refused = |code: &'static str| Err(Error::bad_request("no").with_code(code));
        for (unasked, code, expect) in [
            (Unasked::Nothing, "UnableToAutoAllocateNetwork", true),
            (Unasked::Automatic, "UnableToAutoAllocateNetwork", false),
            (Unasked::Nothing, "NetworkAmbiguous", false),
        ] {
            let settled = Nics::whatever(unasked).settle(refused(code));
            assert_eq!(settled.is_ok_and(|plan| plan.is_empty()), expect, "{unasked:?} {code}");
        }
    }
}

//! [`PortBinder`]: what compute is given. The parts that join compute's transaction are here as plain functions of `&mut Tx`.

mod bind;
mod cross;
mod limits;
mod plan;
mod show;

use crate::{
    Network,
    driver::LogicalKey,
    error::NetError,
    model::{
        FloatingIp, Network as Net, Port, Resource, SecurityGroup, Trunk, logical::desired, rbac, rbac::Action,
        trunk::TrunkEnd,
    },
    ops::{access::Reach, auto_topology, port, security_group},
};
use async_trait::async_trait;
use kernel::{Ctx, Error, HostName, Kind, PortId, ProjectId, Result, SecurityGroupId, ServerId};
use ports::{
    Address, BoundPort, NicRequest, PortBinder, PortPlan,
    network::{BindPorts, Crossing, NicLimits, PortView},
};
use std::{collections::BTreeMap, net::IpAddr, sync::Arc, time::Duration};
use store::{Batch, Snapshot, Tx};

#[async_trait]
impl PortBinder for Network {
    fn plan(
        &self,
        cx: &Ctx,
        tx: &mut Tx,
        project: &ProjectId,
        requested: Option<&[NicRequest]>,
    ) -> Result<Vec<PortPlan>> {
        plan::plan(cx, tx, project, requested)
    }

    fn allocate_network(&self, tx: &mut Tx, project: &ProjectId) -> Result<()> {
        auto_topology::ensure(tx, &self.env(), project)
            .map(drop)
            .map_err(|e| if e.is(Kind::Internal) { e } else { plan::no_network(project).with_source(e) })
    }

    fn resolve_groups(&self, tx: &mut Tx, project: &ProjectId, names: &[String]) -> Result<Vec<String>> {
        let default = security_group::ensure_default(tx, &self.env(), project)?;
        if names.is_empty() {
            return Ok(vec![default.into()]);
        }
        let mut ids: Vec<String> = Vec::new();
        for name in names {
            let id = String::from(group_named(tx, project, name)?);
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        Ok(ids)
    }

    fn bind(&self, tx: &mut Tx, bind: &BindPorts) -> Result<Vec<BoundPort>> {
        let env = crate::ops::common::Env { now: bind.now, ..self.env() };
        bind::bind(tx, &env, bind)
    }

    fn cross(&self, tx: &mut Tx, server: &ServerId, host: &HostName, how: Crossing) -> Result<()> {
        cross::cross(tx, server, host, how, self.env().now);
        Ok(())
    }

    fn limit(&self, tx: &mut Tx, server: &ServerId, limits: NicLimits) -> Result<()> {
        bind::change_all(tx, server, self.env().now, |port| port.limits = limits);
        Ok(())
    }

    fn limited_otherwise(&self, snapshot: &Snapshot, server: &ServerId, limits: NicLimits) -> bool {
        show::of_server(snapshot, server).iter().any(|port| port.limits != limits)
    }

    fn bound(&self, snapshot: &Snapshot, server: &ServerId) -> Vec<BoundPort> {
        show::of_server(snapshot, server).iter().filter_map(|port| show::bound(snapshot, port)).collect()
    }

    async fn wait_ready(&self, ports: &[PortId], within: Duration) -> Result<()> {
        let waited = tokio::time::timeout(within, self.until_ready(ports)).await;
        waited.map_err(|_| {
            let snapshot = self.store().snapshot();
            let late: Vec<_> = ports.iter().filter(|p| !self.is_ready(&snapshot, p)).map(|p| p.as_str()).collect();
            Error::unavailable("the network is not ready for the server's ports").with_internal(format!(
                "waiting {within:?} for {}: {}",
                late.join(", "),
                self.refusals_of(ports)
            ))
        })
    }

    fn set_plugged(&self, tx: &mut Tx, id: &PortId, plugged: bool) -> Result<()> {
        let Some(port) = tx.get::<Port>(id).filter(|p| p.plugged != plugged) else { return Ok(()) };
        let mut port = Port::clone(&port);
        port.plugged = plugged;
        port.standard.touch(self.env().now);
        tx.put(port);
        Ok(())
    }

    fn release(&self, tx: &mut Tx, server: &ServerId, only: Option<&PortId>) -> Result<()> {
        bind::release(tx, server, only, self.env().now);
        Ok(())
    }

    fn unbind(&self, tx: &mut Tx, server: &ServerId) -> Result<()> {
        bind::unbind(tx, server, self.env().now);
        Ok(())
    }

    fn addresses(&self, snapshot: &Snapshot, server: &ServerId) -> Vec<Address> {
        show::of_server(snapshot, server).iter().flat_map(|port| show::addresses(snapshot, port)).collect()
    }

    fn floating(&self, snapshot: &Snapshot) -> BTreeMap<PortId, Vec<IpAddr>> {
        show::all_floating(snapshot)
    }

    fn floating_changed(&self, batch: &Batch) -> bool {
        let target = |f: Option<&FloatingIp>| f.map(|f| f.target.clone());
        batch.of::<FloatingIp>().any(|c| target(c.old.as_deref()) != target(c.new.as_deref()))
    }

    fn interfaces(&self, snapshot: &Snapshot, server: &ServerId) -> Vec<PortView> {
        show::of_server(snapshot, server).iter().map(|port| show::interface(port)).collect()
    }

    fn group_names(&self, snapshot: &Snapshot, server: &ServerId) -> Vec<String> {
        let mut names = Vec::new();
        for port in show::of_server(snapshot, server) {
            for group in port.security_groups.iter().filter_map(|id| snapshot.get::<SecurityGroup>(id)) {
                if !names.contains(&group.name) {
                    names.push(group.name.clone());
                }
            }
        }
        names
    }

    fn change_group(&self, cx: &Ctx, tx: &mut Tx, server: &ServerId, group: &str, add: bool) -> Result<()> {
        let reach = Reach::of(cx);
        let project = reach.project.clone().unwrap_or_default();
        let id = group_named(tx, &project, group)?;
        for port in show::of_server(tx.view(), server) {
            // The index told of it; the port itself is what the commit compares.
            let Some(port) = tx.get::<Port>(&port.id).filter(|p| p.device_id == **server) else { continue };
            let mut groups: Vec<_> = port.security_groups.iter().filter(|g| **g != id).cloned().collect();
            if add {
                groups.push(id.clone());
            }
            let usable = port::usable_groups(tx, port.project(), &groups, &Reach::everything())?;
            if usable != port.security_groups && port.port_security {
                let mut port = Port { security_groups: usable, ..Port::clone(&port) };
                port.standard.touch(self.env().now);
                tx.put(port);
            }
        }
        Ok(())
    }
}

impl Network {
    async fn until_ready(&self, ports: &[PortId]) {
        let mut rounds = self.mirror().subscribe();
        loop {
            rounds.borrow_and_update();
            let snapshot = self.store().snapshot();
            if ports.iter().all(|port| self.is_ready(&snapshot, port)) {
                return;
            }
            if rounds.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// The back end has the port as the store has it, with its network, its subnets and its groups with their rules.
    fn is_ready(&self, snapshot: &Snapshot, port: &PortId) -> bool {
        needs(snapshot, port).iter().all(|key| match desired(snapshot, self.settings(), key) {
            Some(object) => self.mirror().holds(&object),
            None => true,
        })
    }

    fn refusals_of(&self, ports: &[PortId]) -> String {
        let snapshot = self.store().snapshot();
        let why = ports.iter().flat_map(|p| needs(&snapshot, p)).filter_map(|key| self.mirror().refusal(&key));
        why.collect::<Vec<_>>().join("; ")
    }
}

/// A port and what it refers to, with the subports that its interface carries. A port that is gone needs nothing.
fn needs(snapshot: &Snapshot, id: &PortId) -> Vec<LogicalKey> {
    let Some(port) = snapshot.get::<Port>(id) else { return Vec::new() };
    let trunk = match &port.trunk {
        Some(TrunkEnd::Parent { trunk }) => snapshot.get::<Trunk>(trunk),
        _ => None,
    };
    let subs = trunk.iter().flat_map(|t| &t.sub_ports).filter_map(|s| snapshot.get::<Port>(&s.port));
    let mut keys = needs_alone(&port);
    keys.extend(subs.flat_map(|sub| needs_alone(&sub)));
    keys
}

fn needs_alone(port: &Port) -> Vec<LogicalKey> {
    let mut keys = vec![LogicalKey::Network(port.network.clone()), LogicalKey::Port(port.id.clone())];
    keys.extend(port.fixed_ips.iter().map(|ip| LogicalKey::Subnet(ip.subnet.clone())));
    keys.extend(port.security_groups.iter().map(|id| LogicalKey::SecurityGroup(id.clone())));
    keys
}

/// A group by id or name, of a project or shared with it; worded as Nova words it.
fn group_named(tx: &mut Tx, project: &ProjectId, name: &str) -> Result<SecurityGroupId> {
    let view = tx.view().clone();
    let ours = |g: &SecurityGroup| g.project() == project || rbac::grants(&view, &g.id, Action::Shared, Some(project));
    if let Some(group) = tx.get::<SecurityGroup>(name).filter(|g| ours(g)) {
        return Ok(group.id.clone());
    }
    let named: Vec<_> = view.by(SecurityGroup::BY_PROJECT, project).filter(|g| g.name == name).collect();
    match named.as_slice() {
        [one] => Ok(one.id.clone()),
        [] => Err(Error::not_found(format!("Security group {name} not found for project {project}."))
            .with_code("SecurityGroupNotFound")),
        _ => Err(Error::conflict(format!(
            "Multiple security groups found matching '{name}'. Use an ID to be more specific."
        ))
        .with_code("NoUniqueMatch")),
    }
}

/// The network a server asks for.
fn network(tx: &mut Tx, id: &str) -> Result<Arc<Net>> {
    tx.get::<Net>(id).ok_or_else(|| NetError::NetworkNotFound { id: id.to_owned() }.into())
}

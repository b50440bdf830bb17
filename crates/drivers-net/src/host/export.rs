//! Samples of packets for a collector (IPFIX): what a network's guests here send and receive.
//!
//! OVN of 23.03 samples nothing by itself, and Open vSwitch samples a bridge (all networks of it) or a flow. So there is a flow of
//! ours beside those by which OVN lets a guest's packets in (table 0) and out (table 65): the same match, one higher, the same
//! actions, and before them `sample`. sFlow is a bridge's in Open vSwitch and cannot be switched by network.
//!
//! ```text
//!   export_flows ─▶ sets and collectors (the switch's database)
//!                ─▶ every EVERY: dump of both tables ─▶ plan (pure) ─▶ flows of ours added and taken away
//! ```
//!
//! A flow's cookie is made of all it says: what is there by its cookie is as it should be. The dump says it all, so nothing
//! depends on what ovn-controller or a former process did. While nothing is exported, nobody looks.

use super::switch::{Collector, Switch};
use crate::{link::Owner, netns::Netns, system::HostNetConfig};
use kernel::Result;
use network::traffic::FlowExport;
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tokio::{sync::watch, task::JoinHandle};

const EVERY: Duration = Duration::from_secs(1);
const IN: &str = "table=0";
const OUT: &str = "table=65";
/// The upper half of our flows' cookies.
const MARK: u64 = 0x7473_6970 << 32;
const ALL: u32 = 65_535;

pub struct Exporter {
    bridge: String,
    switch: Switch,
    wanted: watch::Sender<Option<Vec<FlowExport>>>,
    keeper: JoinHandle<()>,
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl Exporter {
    pub fn new(config: &HostNetConfig, switch: Switch) -> Self {
        let bridge = config.integration_bridge();
        let wanted = watch::Sender::new(None);
        let keeper = Keeper { at: config.bridge_socket(&bridge), switch: switch.clone(), wanted: wanted.subscribe() };
        Self { bridge, switch, wanted, keeper: tokio::spawn(keeper.run()) }
    }

    pub async fn export(&self, exports: &[FlowExport]) -> Result<()> {
        let set = |e: &FlowExport| Collector { id: e.domain, to: e.collector, of: e.network.clone() };
        self.switch.collect(&self.bridge, &exports.iter().map(set).collect::<Vec<_>>()).await?;
        self.wanted.send_replace(Some(exports.to_vec()));
        Ok(())
    }
}

struct Keeper {
    /// Where the bridge takes orders.
    at: String,
    switch: Switch,
    wanted: watch::Receiver<Option<Vec<FlowExport>>>,
}

impl Keeper {
    async fn run(mut self) {
        loop {
            let wanted = self.wanted.borrow_and_update().clone();
            let settled = match &wanted {
                None => true,
                Some(exports) => self.settle(exports).await.inspect_err(complain).is_ok() && exports.is_empty(),
            };
            // While there is nothing to keep, until something else is wanted; that also ends a pause early.
            let pause = if settled { Duration::MAX } else { EVERY };
            if let Ok(Err(_)) = tokio::time::timeout(pause, self.wanted.changed()).await {
                return;
            }
        }
    }

    async fn settle(&self, exports: &[FlowExport]) -> Result<()> {
        let mut tables = String::new();
        for table in [IN, OUT] {
            let dump = ["--no-stats", "--no-names", "dump-flows", &self.at, table];
            tables.push_str(&Netns::here().command("ovs-ofctl", dump).await?);
        }
        let script = plan(&self.sampled(exports), &tables);
        if !script.is_empty() {
            Netns::here().command_with("ovs-ofctl", ["add-flows", &self.at, "-"], script, &[]).await?;
        }
        Ok(())
    }

    /// The switch's numbers of the exports' ports.
    fn sampled(&self, exports: &[FlowExport]) -> BTreeMap<i64, (u32, u32)> {
        let of = |port: &super::switch::Port| {
            let Owner::Port(id) = &port.owner else { return None };
            let export = exports.iter().find(|e| e.ports.contains(id))?;
            Some((port.number?, (export.domain, export.sampling)))
        };
        self.switch.ports().iter().filter_map(of).collect()
    }
}

fn complain(error: &kernel::Error) {
    tracing::warn!(error = %error.internal_text(), "flows cannot be exported");
}

/// The changes that give each sampled port its flows, and no other. `ports`: domain and sampling by port number.
fn plan(ports: &BTreeMap<i64, (u32, u32)>, tables: &str) -> String {
    let (mut held, mut wanted) = (BTreeSet::new(), BTreeMap::new());
    for line in tables.lines() {
        let Some((matches, actions)) = line.trim().split_once(" actions=") else { continue };
        let words: Vec<_> = matches.split([',', ' ']).filter(|w| !w.is_empty()).collect();
        let of = |name: &str| words.iter().find_map(|w| w.strip_prefix(name));
        let cookie = of("cookie=0x").and_then(|hex| u64::from_str_radix(hex, 16).ok()).unwrap_or_default();
        if cookie & MARK == MARK {
            held.insert(cookie);
            continue;
        }
        let number = of("in_port=").or_else(|| actions.rsplit(',').next()?.strip_prefix("output:"));
        let Some(number) = number.and_then(|n| n.parse::<i64>().ok()) else { continue };
        let Some((domain, sampling)) = ports.get(&number) else { continue };
        let priority = of("priority=").and_then(|p| p.parse::<u32>().ok()).unwrap_or(32_768) + 1;
        let rest: Vec<_> = words.iter().filter(|w| !w.starts_with("cookie=") && !w.starts_with("priority=")).collect();
        let rest = rest.iter().map(|w| w.to_string()).collect::<Vec<_>>().join(",");
        let probability = (ALL / sampling.max(&1)).max(1);
        let way = if of("in_port=").is_some() { "ingress" } else { "egress" };
        let sample = format!(
            "sample(probability={probability},collector_set_id={domain},obs_domain_id={domain},obs_point_id={number},sampling_port={number},{way})"
        );
        let flow = format!("{rest},priority={priority},actions={sample},{actions}");
        let digest = Sha256::digest(&flow);
        let low = digest.iter().take(4).fold(0, |n, byte| (n << 8) | u64::from(*byte));
        wanted.insert(MARK | low, flow);
    }
    let mut script = String::new();
    for cookie in held.iter().filter(|c| !wanted.contains_key(c)) {
        script.push_str(&format!("delete cookie={cookie:#x}/-1\n"));
    }
    for (cookie, flow) in wanted.iter().filter(|(c, _)| !held.contains(c)) {
        script.push_str(&format!("add cookie={cookie:#x},{flow}\n"));
    }
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    const OVN: &str = " cookie=0x5, table=0, priority=100,in_port=3 actions=load:0x2->NXM_NX_REG13[],resubmit(,8)
 cookie=0x6, table=0, priority=100,in_port=4 actions=load:0x9->NXM_NX_REG13[],resubmit(,8)
 cookie=0x7, table=65, priority=100,reg15=0x1,metadata=0x3 actions=output:3
 cookie=0x8, table=65, priority=100,reg15=0x2,metadata=0x3 actions=output:4\n";

    #[test]
    fn flows_of_sampled_ports_stand_beside_ovns() {
        let script = plan(&BTreeMap::from([(3, (77, 10))]), OVN);
        let sample = |way: &str| {
            format!(
                "sample(probability=6553,collector_set_id=77,obs_domain_id=77,obs_point_id=3,sampling_port=3,{way})"
            )
        };
        let expect = [
            format!(
                "table=0,in_port=3,priority=101,actions={},load:0x2->NXM_NX_REG13[],resubmit(,8)",
                sample("ingress")
            ),
            format!("table=65,reg15=0x1,metadata=0x3,priority=101,actions={},output:3", sample("egress")),
        ];
        let mut lines: Vec<_> = script.lines().map(|l| l.split_once(',').unwrap()).collect();
        lines.sort_by_key(|(_, flow)| *flow);
        assert_eq!(lines.iter().map(|(_, flow)| *flow).collect::<Vec<_>>(), expect);
        // What is there stays; what OVN changed is made anew; what is not wanted goes.
        let held: String = lines
            .iter()
            .map(|(add, _)| format!(" {}, table=0, priority=101,in_port=3 actions=x\n", add.trim_start_matches("add ")))
            .collect();
        let with = |ports: &BTreeMap<i64, (u32, u32)>, ovn: &str| plan(ports, &format!("{ovn}{held}"));
        let ports = BTreeMap::from([(3, (77, 10))]);
        assert_eq!(with(&ports, OVN), "");
        let changed = with(&ports, &OVN.replace("0x2->", "0x7->"));
        assert_eq!(changed.lines().map(|l| l.split(' ').next().unwrap()).collect::<Vec<_>>(), ["delete", "add"]);
        assert_eq!(with(&BTreeMap::new(), OVN).matches("delete cookie=0x74736970").count(), 2);
    }
}

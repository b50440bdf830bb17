//! Guests that may not pose as routers do not: the one forgery that OVN lets pass.
//!
//! OVN's own pipeline lets every neighbour and router message through before any rule is asked (ovn-northd(8), "Always allow ND,
//! RS, RA, MLD": priority 65532), and its port security looks at neighbours' messages but not at routers' (ovn-controller's
//! `OFTABLE_CHK_IN_PORT_SEC`). So a rule of ours that refuses a guest's router advertisement is never asked. What is missing is a
//! flow beside those of port security, for each port that has them: an advertisement is as wrong as a foreign address.
//!
//! ```text
//!   plug ──▶ no advertisement from this port (table 0), whoever it is
//!   ovs-ofctl monitor (a table changed) ──▶ dump of both ──▶ plan (pure) ──▶ flows of ours added and taken away:
//!            OVN has taken the port in ─▶ what its port security says holds, and the first flow goes
//! ```
//!
//! Nothing is remembered: the tables say which ports have port security now, and which flows are ours (by their cookie). When
//! ovn-controller begins anew it clears them and writes its own again; that is a change like any other, and for the tenth of a
//! second until it is seen an advertisement may pass. A guest's first packet is never one.

use crate::{netns::Netns, system::HostNetConfig};
use kernel::Result;
use std::{
    collections::{BTreeMap, BTreeSet},
    process::Stdio,
    time::Duration,
};
use tokio::{
    io::AsyncReadExt,
    process::Command,
    task::JoinHandle,
    time::{sleep, timeout},
};

/// Where ovn-controller keeps port security (since OVN 22.09).
const TABLE: &str = "table=73";
/// Where it takes packets in from ports.
const FIRST: &str = "table=0";
/// Marks flows that are ours.
const COOKIE: &str = "0x74737261";
/// Above all of ovn-controller's there.
const PRIORITY: &str = "priority=200";
/// Changes come in bursts.
const GATHER: Duration = Duration::from_millis(50);
const AGAIN: Duration = Duration::from_millis(100);
/// So that a change which was not told is found all the same.
const AT_LEAST: Duration = Duration::from_secs(10);

/// Keeps the table as long as it lives.
pub struct Guard(JoinHandle<()>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Guard {
    pub fn start(config: &HostNetConfig) -> Self {
        let switch = config.bridge_socket(&config.integration_bridge());
        Self(tokio::spawn(async move {
            loop {
                watch(&switch).await;
                sleep(AGAIN).await;
            }
        }))
    }
}

/// The port with this number is new here: until OVN has taken it in, nothing says whether it may advertise.
pub async fn hold(switch: &str, number: i64) -> Result<()> {
    let flow = format!("{FIRST},{PRIORITY},icmp6,icmp_type=134,in_port={number},cookie={COOKIE},actions=drop");
    Netns::here().command("ovs-ofctl", ["add-flow", switch, &flow]).await.map(|_| ())
}

/// Until the switch ends the connection.
async fn watch(switch: &str) {
    let mut command = Command::new("ovs-ofctl");
    command.env("PATH", crate::netns::search_path()).args(["monitor", switch]);
    command.args([FIRST, TABLE].map(|table| format!("watch:{table}")));
    // What it prints, it prints there.
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let Ok(mut monitor) = command.spawn() else { return };
    let Some(mut changes) = monitor.stderr.take() else { return };
    let mut buffer = vec![0; 64 << 10];
    loop {
        match timeout(AT_LEAST, changes.read(&mut buffer)).await {
            Ok(Ok(0) | Err(_)) => return,
            Ok(Ok(_)) => sleep(GATHER).await,
            Err(_) => {}
        }
        if let Err(error) = settle(switch).await {
            tracing::debug!(error = %error.internal_text(), "looking after router advertisements");
        }
    }
}

async fn settle(switch: &str) -> Result<()> {
    let mut tables = String::new();
    for table in [TABLE, FIRST] {
        let dump = ["--no-stats", "--no-names", "dump-flows", switch, table];
        tables.push_str(&Netns::here().command("ovs-ofctl", dump).await?);
    }
    let script = plan(&tables);
    if !script.is_empty() {
        Netns::here().command_with("ovs-ofctl", ["add-flows", switch, "-"], script, &[]).await?;
    }
    Ok(())
}

/// A port in OVN's terms: its datapath and its key there, as they are matched.
type PortMatch = String;

/// The changes that give each port with port security its flow, and no other.
fn plan(tables: &str) -> String {
    let mut refusals: BTreeMap<PortMatch, &str> = BTreeMap::new();
    let mut ours: BTreeSet<PortMatch> = BTreeSet::new();
    let (mut held, mut taken_in) = (BTreeSet::new(), BTreeSet::new());
    for line in tables.lines() {
        let Some((matches, actions)) = line.trim().split_once(" actions=") else { continue };
        let words: Vec<_> = matches.split([',', ' ']).filter(|w| !w.is_empty()).collect();
        let of = |name: &str| words.iter().find(|w| w.starts_with(name)).copied();
        let is_ours = words.contains(&format!("cookie={COOKIE}").as_str());
        if let Some(port) = of("in_port=") {
            if is_ours {
                held.insert(port)
            } else {
                taken_in.insert(port)
            };
        }
        let (Some(key), Some(datapath)) = (of("reg14="), of("metadata=")) else { continue };
        let port = format!("{key},{datapath}");
        if is_ours {
            ours.insert(port);
        } else if words.iter().all(|w| is_about_the_port(w)) {
            // What becomes of whatever no other flow of the port allows.
            refusals.insert(port, actions);
        }
    }
    let mut script = String::new();
    let flow = |port: &str| format!("{TABLE},{PRIORITY},icmp6,icmp_type=134,{port}");
    for (port, actions) in refusals.iter().filter(|(port, _)| !ours.contains(*port)) {
        script.push_str(&format!("add {},cookie={COOKIE},actions={actions}\n", flow(port)));
    }
    for port in ours.iter().filter(|port| !refusals.contains_key(*port)) {
        script.push_str(&format!("delete_strict {}\n", flow(port)));
    }
    for port in held.intersection(&taken_in) {
        script.push_str(&format!("delete_strict {FIRST},{PRIORITY},icmp6,icmp_type=134,{port}\n"));
    }
    script
}

fn is_about_the_port(word: &str) -> bool {
    ["cookie=", "table=", "priority=", "reg14=", "metadata="].iter().any(|name| word.starts_with(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OVN: &str = " cookie=0x5, table=73, priority=80,reg14=0x1,metadata=0x3 actions=load:0x1->NXM_NX_REG10[12]
 cookie=0x5, table=73, priority=90,ip,reg14=0x1,metadata=0x3,dl_src=fa:16:3e:00:00:01,nw_src=10.0.0.5 actions=load:0->NXM_NX_REG10[12]
 cookie=0x5, table=73, priority=95,arp,reg14=0x1,metadata=0x3 actions=resubmit(,74)\n";
    const OURS: &str = " cookie=0x74737261, table=73, priority=200,icmp6,reg14=0x1,metadata=0x3,icmp_type=134 actions=load:0x1->NXM_NX_REG10[12]\n";

    #[test]
    fn every_port_with_port_security_has_its_flow() {
        let added = "add table=73,priority=200,icmp6,icmp_type=134,reg14=0x1,metadata=0x3,cookie=0x74737261,actions=load:0x1->NXM_NX_REG10[12]\n";
        let deleted = "delete_strict table=73,priority=200,icmp6,icmp_type=134,reg14=0x1,metadata=0x3\n";
        assert_eq!(plan(OVN), added);
        assert_eq!(plan(&format!("{OVN}{OURS}")), "");
        assert_eq!(plan(OURS), deleted);
        let held = " cookie=0x74737261, table=0, priority=200,icmp6,in_port=3,icmp_type=134 actions=drop\n";
        let taken_in =
            " cookie=0x9, table=0, priority=100,in_port=3 actions=load:0x3->OXM_OF_METADATA[],resubmit(,8)\n";
        assert_eq!((plan(held), plan(taken_in)), (String::new(), String::new()));
        let released = "delete_strict table=0,priority=200,icmp6,icmp_type=134,in_port=3\n";
        assert_eq!(plan(&format!("{held}{taken_in}")), released);
        assert_eq!(plan("NXST_FLOW reply (xid=0x4):\n"), "");
    }
}

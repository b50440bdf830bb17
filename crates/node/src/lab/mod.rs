//! `tstack lab`: several hosts on this machine and one cloud over them, for trying and proving what takes more than one host.
//!
//! ```text
//!   this machine (the outside: clients, the far end of floating ips)
//!     lab-lab 10.10.0.254 ══╦════════════════════╗            API, agents, tunnels, volumes, OVN
//!                   namespace lab-h1     namespace lab-h2 …
//!                   10.10.0.1 member     10.10.0.2 joined by one-time token
//!                   API, store, OVN      agent
//!                   agent, OVS, guests   OVS, guests
//!     lab-out 172.24.8.1  ══╩════════════════════╝            the external network `public`
//! ```
//!
//! A host of the lab is an ordinary node: a data directory (`DATA/h1`, `DATA/h2`, …), the process that `tstack up` starts, a
//! `tstack.toml` that names its namespace; it enters that by itself, so `tstack up --data DATA/h2` starts it again from
//! anywhere. It joins as any host does: a token for it alone, a key made for it, its certificate signed by the first one.
//!
//! `DATA/lab.json` is written before anything is made and removed after everything is gone. Names of devices, namespaces and
//! control groups begin with the lab's prefix, addresses are the lab's own, sockets and databases lie below `DATA`: a lab
//! disturbs neither a cloud on the machine itself nor a lab of another prefix and other networks. What runs in a lab's
//! namespace is the lab's, and [`down`] ends it.

mod doctor;
mod down;
mod hosts;
mod up;

pub use doctor::doctor;
pub use down::down;
pub use up::up;

use clap::Args;
use drivers_net::lab::LabConfig;
use ipnet::Ipv4Net;
use kernel::{Error, Result, error::Doing};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Where a lab lies unless `--data` says otherwise.
pub const DATA: &str = "/var/lib/tstack-lab";

/// What makes a lab. Whatever is not given is as it was, for a lab that is there.
#[derive(Args, Clone, Debug, Default)]
pub struct UpOptions {
    /// How many hosts [default: 2].
    #[arg(long)]
    pub nodes: Option<u8>,
    /// The one port of all APIs, at the first host's address; the next one is the agents' [default: 5000].
    #[arg(long)]
    pub port: Option<u16>,
    /// Begins the names of what the lab makes on this machine: up to four lower case letters and digits [default: lab].
    #[arg(long)]
    pub prefix: Option<String>,
    /// The network between the hosts [default: 10.10.0.0/24].
    #[arg(long)]
    pub underlay: Option<Ipv4Net>,
    /// This machine's address in the external network `public` [default: 172.24.8.1/24].
    #[arg(long)]
    pub external: Option<Ipv4Net>,
    /// The guest image (qcow2); quickstart's, if there is one.
    #[arg(long)]
    pub image: Option<PathBuf>,
    /// No project, images, network and key `demo`.
    #[arg(long)]
    pub no_demo: bool,
}

/// What is known of a lab that was begun: `DATA/lab.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    pub network: LabConfig,
    pub port: u16,
    /// The guest image, from which the acceleration probe's kernel is found, too.
    pub image: Option<PathBuf>,
}

fn file(data: &Path) -> PathBuf {
    data.join("lab.json")
}

impl Record {
    pub fn read(data: &Path) -> Result<Option<Self>> {
        let doing = format!("reading {}", file(data).display());
        match std::fs::read(file(data)) {
            Ok(json) => serde_json::from_slice(&json).doing(&doing).map(Some),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e).doing(&doing),
        }
    }

    fn write(&self, data: &Path) -> Result<()> {
        let doing = format!("writing {}", file(data).display());
        let json = serde_json::to_vec_pretty(self).doing(&doing)?;
        std::fs::create_dir_all(data).and_then(|()| std::fs::write(file(data), json)).doing(&doing)
    }

    /// A lab as these options say.
    pub fn new(options: &UpOptions) -> Self {
        let mut network = LabConfig::new(options.prefix.as_deref().unwrap_or("lab"), options.nodes.unwrap_or(2));
        // Quickstart has LabConfig's own default on the machine itself.
        network.external = options.external.unwrap_or_else(|| net([172, 24, 8, 1]));
        network.underlay = options.underlay.unwrap_or(network.underlay);
        Self { network, port: options.port.unwrap_or(5000), image: options.image.clone() }
    }

    /// The same lab with what may change: hosts are added. What may not is named.
    fn with(&self, options: &UpOptions) -> Result<Self> {
        let mut new = Self::new(&UpOptions {
            nodes: options.nodes.or(Some(self.network.nodes)),
            port: options.port.or(Some(self.port)),
            prefix: options.prefix.clone().or_else(|| Some(self.network.prefix.clone())),
            underlay: options.underlay.or(Some(self.network.underlay)),
            external: options.external.or(Some(self.network.external)),
            image: options.image.clone().or_else(|| self.image.clone()),
            no_demo: options.no_demo,
        });
        let was = |what: &str, value: &dyn std::fmt::Display| {
            Err(Error::conflict(format!("this lab has {what} {value}; `tstack lab down` first")))
        };
        let (old, wanted) = (&self.network, &new.network);
        match () {
            () if wanted.prefix != old.prefix => was("the prefix", &old.prefix),
            () if wanted.underlay != old.underlay => was("the underlay", &old.underlay),
            () if wanted.external != old.external => was("the external network", &old.external),
            () if new.port != self.port => was("the port", &self.port),
            () if wanted.nodes < old.nodes => was("more hosts:", &old.nodes),
            () => Ok({
                new.network.outside = old.outside.clone();
                new
            }),
        }
    }

    fn check(&self) -> Result<()> {
        let (nodes, prefix) = (self.network.nodes, &self.network.prefix);
        if nodes == 0 {
            return Err(Error::bad_request("a lab has one host at least"));
        }
        let room = 5_usize.saturating_sub(nodes.to_string().len());
        let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        if prefix.is_empty() || prefix.len() > room || !prefix.bytes().all(legal) {
            let text = format!("--prefix {prefix}: expected one to {room} lower case letters and digits");
            return Err(Error::bad_request(text));
        }
        if self.port == u16::MAX {
            return Err(Error::bad_request("--port: the next port is needed, too"));
        }
        self.network.node(nodes).and_then(|last| {
            let outside = self.network.outside_address()?.addr();
            if last.address < outside { Ok(()) } else { Err(Error::bad_request("--underlay: too few addresses")) }
        })
    }
}

fn net(address: [u8; 4]) -> Ipv4Net {
    Ipv4Net::new(address.into(), 24).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lab_that_is_there_grows_and_changes_in_nothing_else() {
        let old = Record::new(&UpOptions { port: Some(5970), ..UpOptions::default() });
        let same = old.with(&UpOptions::default()).unwrap();
        assert_eq!((same.port, same.network.nodes, same.network.prefix.as_str()), (5970, 2, "lab"));
        let more = old.with(&UpOptions { nodes: Some(3), ..UpOptions::default() }).unwrap();
        assert_eq!(more.network.nodes, 3);
        let check = |options: UpOptions, says: &str| {
            let error = old.with(&options).unwrap_err();
            assert!(error.message().contains(says), "{error}");
        };
        check(UpOptions { nodes: Some(1), ..UpOptions::default() }, "more hosts: 2");
        check(UpOptions { port: Some(5980), ..UpOptions::default() }, "the port 5970");
        check(UpOptions { prefix: Some("x".into()), ..UpOptions::default() }, "the prefix lab");
        check(UpOptions { underlay: Some(net([10, 9, 0, 0])), ..UpOptions::default() }, "the underlay 10.10.0.0/24");
        check(UpOptions { external: Some(net([10, 9, 0, 1])), ..UpOptions::default() }, "172.24.8.1/24");
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let check = |options: UpOptions, expect: Option<&str>| {
            let said = Record::new(&options).check().err().map(|e| e.message().to_owned());
            match expect {
                None => assert_eq!(said, None),
                Some(says) => assert!(said.as_ref().is_some_and(|s| s.contains(says)), "{said:?}"),
            }
        };
        check(UpOptions::default(), None);
        check(UpOptions { prefix: Some("abcd".into()), nodes: Some(9), ..UpOptions::default() }, None);
        check(UpOptions { prefix: Some("abcd".into()), nodes: Some(10), ..UpOptions::default() }, Some("one to 3"));
        check(UpOptions { prefix: Some("A".into()), ..UpOptions::default() }, Some("lower case"));
        check(UpOptions { nodes: Some(0), ..UpOptions::default() }, Some("one host"));
        check(UpOptions { port: Some(65535), ..UpOptions::default() }, Some("next port"));
        let tiny = "10.0.0.0/30".parse().ok();
        check(UpOptions { underlay: tiny, ..UpOptions::default() }, Some("too few"));
        check(UpOptions { underlay: tiny, nodes: Some(1), ..UpOptions::default() }, None);
    }
}

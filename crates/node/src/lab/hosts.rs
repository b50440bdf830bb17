//! The configuration of each host of a lab, and of the cloud as a whole.

use super::Record;
use crate::Config;
use drivers_net::lab::LabNode;
use kernel::{Result, error::Doing};
use std::path::{Path, PathBuf};

impl Record {
    pub(super) fn node(&self, number: u8) -> Result<LabNode> {
        self.network.node(number)
    }

    pub(super) fn numbers(&self) -> std::ops::RangeInclusive<u8> {
        1..=self.network.nodes
    }

    /// Where agents connect and join: the first host.
    pub(super) fn member(&self) -> Result<String> {
        Ok(format!("https://{}:{}", self.node(1)?.address, self.port + 1))
    }

    /// A host's settings: what its file says already (whether it has joined is there), with the lab's on top.
    pub(super) fn config(&self, data: &Path, number: u8) -> Result<Config> {
        let (node, first) = (self.node(number)?, self.node(1)?);
        let mut config = Config::read(&data.join(node.name.as_str()))?;
        let external = self.network.external;
        let share = self.memory_mib()? / u64::from(self.network.nodes);
        let settings = [
            ("node.name", text(&node.name)),
            ("node.address", text(&node.address)),
            ("api.address", text(&node.address)),
            ("api.port", self.port.to_string()),
            ("agent.port", (self.port + 1).to_string()),
            ("hypervisor.memory_mib", share.to_string()),
            ("hypervisor.probe", text(&self.probe().unwrap_or_default().display())),
            ("network.namespace", text(&node.netns)),
            ("network.prefix", text(&node.prefix)),
            ("network.underlay", text(&"eth0")),
            ("network.external_cidr", text(&external.trunc())),
            ("network.external_gateway", text(&external.addr())),
            ("network.external_gateway_here", "false".to_owned()),
            ("network.external_nic", text(&"eth1")),
            ("network.masquerade", "false".to_owned()),
        ];
        for (key, value) in settings {
            config.set(key, &value)?;
        }
        if number > 1 {
            config
                .set("network.southbound", &text(&format!("tcp:{}:{}", first.address, crate::drivers::SOUTHBOUND)))?;
        }
        Ok(config)
    }

    /// The machine's memory: its hosts share it.
    fn memory_mib(&self) -> Result<u64> {
        let meminfo = std::fs::read_to_string("/proc/meminfo").doing("reading this machine's memory")?;
        let kib =
            meminfo.lines().find_map(|l| l.strip_prefix("MemTotal:")?.trim().split(' ').next()?.parse::<u64>().ok());
        Ok(kib.unwrap_or(0) / 1024)
    }

    /// The guest image: the one that was named, or quickstart's.
    pub(super) fn guest_image(&self) -> Option<PathBuf> {
        let usual = || Some(PathBuf::from("/var/lib/tstack/cache/tinycloud.qcow2")).filter(|f| f.is_file());
        self.image.clone().or_else(usual)
    }

    /// The kernel of the acceleration probe, which `images/tinycloud/build --keep` leaves: beside the image, or where
    /// quickstart has it.
    fn probe(&self) -> Option<PathBuf> {
        let image = self.guest_image()?;
        let places = image.ancestors().skip(1).take(2).map(|dir| dir.join("probe"));
        places.into_iter().find(|dir| dir.join("vmlinuz").is_file())
    }
}

/// As a value of the configuration.
fn text(value: &dyn std::fmt::Display) -> String {
    toml::Value::String(value.to_string()).to_string()
}

#[cfg(test)]
mod tests {
    use super::{super::UpOptions, *};

    #[test]
    fn every_host_has_its_own_and_knows_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let record = Record::new(&UpOptions { port: Some(5970), ..UpOptions::default() });
        let (one, two) = (record.config(dir.path(), 1).unwrap(), record.config(dir.path(), 2).unwrap());
        let check = |key: &str, first: &str, second: &str| {
            assert_eq!((one.text(key), two.text(key)), (first, second), "{key}");
        };
        check("node.name", "h1", "h2");
        check("node.address", "10.10.0.1", "10.10.0.2");
        check("network.namespace", "lab-h1", "lab-h2");
        check("network.prefix", "lab1", "lab2");
        check("network.southbound", "", "tcp:10.10.0.1:6642");
        check("network.external_cidr", "172.24.8.0/24", "172.24.8.0/24");
        assert_eq!(one.public_url().unwrap(), "https://10.10.0.1:5970");
        assert_eq!(record.member().unwrap(), "https://10.10.0.1:5971");
        assert!(one.number("hypervisor.memory_mib") > 0);
    }
}

//! What flavor and image want of the host's NUMA cells: `hw:numa_*`, `hw:cpu_policy`, `hw:cpu_thread_policy`,
//! `hw:cpu_dedicated_mask`, `hw:cpu_realtime_mask`, `hw:emulator_threads_policy` and `hw:mem_page_size`, with the images' `hw_*`;
//! and `resources:PCPU`, which is another way to say `dedicated`.
//!
//! | asked for | cells of the guest |
//! |---|---|
//! | nothing of these | none: it runs wherever the host's kernel puts it |
//! | a cpu policy or a page size | one |
//! | `hw:numa_nodes=N` | N |
//!
//! The guest sees its cells as NUMA nodes.
//!
//! A flavor's word stands against the image's: an image may only ask for what its flavor leaves open, as in Nova.

mod error;

pub use error::TopologyError;

use super::{Flavor, wishes};
use ports::{Emulator, GuestCell, GuestTopology, Pages, Threads};
use std::collections::{BTreeMap, BTreeSet};

type Result<T> = std::result::Result<T, TopologyError>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Policy {
    Shared,
    Dedicated,
    Mixed,
}

/// The guest's wishes, if it has any.
pub fn wanted(flavor: &Flavor, properties: &BTreeMap<String, String>) -> Result<Option<GuestTopology>> {
    let asked = Asked { specs: &flavor.extra_specs, properties };
    let (nodes, policy, pages) = (asked.nodes()?, asked.policy(flavor.vcpus)?, asked.pages()?);
    let threads = asked.threads()?;
    if threads.is_some() && policy == Policy::Shared {
        return Err(TopologyError::ThreadsUnpinned);
    }
    let realtime = wishes::realtime(flavor, properties);
    let dedicated = asked.dedicated(policy, flavor.vcpus, &realtime)?;
    if nodes.is_none() && policy == Policy::Shared && pages.is_none() {
        return Ok(None);
    }
    let mut cells = asked.cells(nodes.unwrap_or(1), flavor)?;
    for cell in &mut cells {
        cell.dedicated = cell.vcpus.intersection(&dedicated).copied().collect();
    }
    Ok(Some(GuestTopology {
        cells,
        threads: threads.unwrap_or_default(),
        pages: pages.unwrap_or_default(),
        emulator: asked.emulator(),
        realtime: !realtime.is_empty(),
    }))
}

/// Processors that a guest gets to itself, of a flavor that is known to be in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dedicated {
    /// One for each of so many vCPUs.
    pub vcpus: u64,
    /// Besides, for what its hypervisor does.
    pub emulator: u64,
}

pub fn dedicated(flavor: &Flavor, properties: &BTreeMap<String, String>) -> Dedicated {
    let Some(topology) = wanted(flavor, properties).ok().flatten() else { return Dedicated::default() };
    Dedicated {
        vcpus: topology.cells.iter().map(|cell| cell.dedicated.len() as u64).sum(),
        emulator: u64::from(topology.emulator == Emulator::Isolate),
    }
}

struct Asked<'a> {
    specs: &'a BTreeMap<String, String>,
    properties: &'a BTreeMap<String, String>,
}

impl Asked<'_> {
    fn spec(&self, name: &str) -> Option<&str> {
        self.specs.get(&format!("hw:{name}")).map(String::as_str)
    }

    fn property(&self, name: &str) -> Option<&str> {
        self.properties.get(&format!("hw_{name}")).map(String::as_str)
    }

    /// The flavor's, or the image's if the flavor says nothing.
    fn numa(&self, name: &str) -> Result<Option<&str>> {
        match (self.spec(name), self.property(name)) {
            (Some(_), Some(_)) => Err(TopologyError::NumaForbidden(format!("hw_{name}"))),
            // Whoever names the number of nodes says everything about them.
            (None, Some(_)) if name != "numa_nodes" && self.spec("numa_nodes").is_some() => {
                Err(TopologyError::NumaForbidden(format!("hw_{name}")))
            }
            (spec, property) => Ok(spec.or(property)),
        }
    }

    fn nodes(&self) -> Result<Option<u32>> {
        let Some(text) = self.numa("numa_nodes")? else { return Ok(None) };
        let nodes = text.parse().ok().filter(|n| (1..=64).contains(n));
        nodes.map(Some).ok_or_else(|| TopologyError::Nodes(text.to_owned()))
    }

    /// How many of a class the flavor's `resources:` ask for.
    fn resource(&self, class: &str) -> u64 {
        self.specs.get(&format!("resources:{class}")).and_then(|n| n.parse().ok()).unwrap_or(0)
    }

    fn policy(&self, vcpus: u32) -> Result<Policy> {
        let (shared, own) = (self.resource("VCPU"), self.resource("PCPU"));
        if shared + own > 0 && self.spec("cpu_policy").or(self.property("cpu_policy")).is_some() {
            return Err(TopologyError::PolicyTwice);
        }
        let (vcpus, isolated) = (u64::from(vcpus), self.emulator() == Emulator::Isolate);
        match own {
            0 => self.named_policy(),
            _ if shared > 0 => Err(TopologyError::ResourcesTwice),
            own if isolated && own != vcpus + 1 => Err(TopologyError::TooFewPcpus),
            own if !isolated && own != vcpus => Err(TopologyError::OtherPcpus),
            _ => Ok(Policy::Dedicated),
        }
    }

    fn named_policy(&self) -> Result<Policy> {
        let read = |source: &'static str, text: Option<&str>| match text {
            None => Ok(None),
            Some("shared") => Ok(Some(Policy::Shared)),
            Some("dedicated") => Ok(Some(Policy::Dedicated)),
            Some("mixed") => Ok(Some(Policy::Mixed)),
            Some(other) => Err(TopologyError::Policy(source, other.to_owned())),
        };
        match (read("flavor", self.spec("cpu_policy"))?, read("image", self.property("cpu_policy"))?) {
            (Some(Policy::Shared), Some(Policy::Dedicated | Policy::Mixed)) => Err(TopologyError::PolicyForbidden),
            (Some(Policy::Mixed), Some(image)) if image != Policy::Mixed => Err(TopologyError::PolicyForbidden),
            (Some(Policy::Dedicated), Some(Policy::Mixed)) => Err(TopologyError::PolicyForbidden),
            (flavor, image) => Ok(flavor.or(image).unwrap_or(Policy::Shared)),
        }
    }

    fn threads(&self) -> Result<Option<Threads>> {
        let read = |text: &str| match text {
            "prefer" => Ok(Threads::Prefer),
            "require" => Ok(Threads::Require),
            "isolate" => Ok(Threads::Isolate),
            other => Err(TopologyError::Threads(other.to_owned())),
        };
        let flavor = self.spec("cpu_thread_policy").map(read).transpose()?;
        let image = self.property("cpu_thread_policy").map(read).transpose()?;
        match (flavor, image) {
            (Some(flavor), Some(image)) if flavor != image && flavor != Threads::Prefer => {
                Err(TopologyError::ThreadsForbidden)
            }
            (flavor, image) => Ok(image.or(flavor)),
        }
    }

    /// The flavor's; [`super::wishes`] has looked whether it can be.
    fn emulator(&self) -> Emulator {
        match self.spec("emulator_threads_policy") {
            Some("share") => Emulator::Share,
            Some("isolate") => Emulator::Isolate,
            _ => Emulator::Beside,
        }
    }

    /// An image may narrow what its flavor leaves open.
    fn pages(&self) -> Result<Option<Pages>> {
        let (flavor, image) = (self.spec("mem_page_size"), self.property("mem_page_size"));
        let asked = flavor.map(page_size).transpose()?;
        let Some(text) = image else { return Ok(asked) };
        match asked {
            Some(Pages::Large | Pages::Any) => page_size(text).map(Some),
            _ => {
                let against = flavor.unwrap_or("small").to_owned();
                Err(TopologyError::PageSizeForbidden(text.to_owned(), against))
            }
        }
    }

    /// Of a mixed guest, its mask says which; or it is those that run in real time.
    fn dedicated(&self, policy: Policy, vcpus: u32, realtime: &BTreeSet<u32>) -> Result<BTreeSet<u32>> {
        match (policy, self.spec("cpu_dedicated_mask").filter(|mask| !mask.is_empty())) {
            (Policy::Shared, None) => Ok(BTreeSet::new()),
            (Policy::Dedicated, None) => Ok((0..vcpus).collect()),
            (Policy::Mixed, None) if !realtime.is_empty() => Ok(realtime.clone()),
            (Policy::Mixed, None) => Err(TopologyError::MaskMissing),
            (Policy::Mixed, Some(_)) if !realtime.is_empty() => Err(TopologyError::MaskMissing),
            (Policy::Mixed, Some(mask)) => {
                let named = cpu_list(mask, vcpus)?;
                let some = !named.is_empty() && named.len() < vcpus as usize;
                if some { Ok(named) } else { Err(TopologyError::Mask) }
            }
            (_, Some(_)) => Err(TopologyError::MaskUnmixed),
        }
    }

    fn cells(&self, nodes: u32, flavor: &Flavor) -> Result<Vec<GuestCell>> {
        let mut said = Vec::new();
        for node in 0..nodes {
            said.push((self.numa(&format!("numa_cpus.{node}"))?, self.numa(&format!("numa_mem.{node}"))?));
        }
        match said.iter().filter(|(cpus, memory)| cpus.is_some() && memory.is_some()).count() {
            0 if said.iter().any(|(cpus, memory)| cpus.is_some() || memory.is_some()) => Err(TopologyError::Incomplete),
            0 => even(nodes, flavor),
            all if all == said.len() => said
                .iter()
                .map(|(cpus, memory)| {
                    let memory = memory.unwrap_or_default();
                    let memory_mib = memory.parse().map_err(|_| TopologyError::Memory(0, flavor.ram_mib))?;
                    let vcpus = cpu_list(cpus.unwrap_or_default(), flavor.vcpus)?;
                    Ok(GuestCell { vcpus, dedicated: BTreeSet::new(), memory_mib })
                })
                .collect::<Result<Vec<_>>>()
                .and_then(|cells| complete(cells, flavor)),
            _ => Err(TopologyError::Incomplete),
        }
    }
}

fn even(nodes: u32, flavor: &Flavor) -> Result<Vec<GuestCell>> {
    if !flavor.vcpus.is_multiple_of(nodes) || !flavor.ram_mib.is_multiple_of(u64::from(nodes)) {
        return Err(TopologyError::Asymmetric);
    }
    let (each, memory_mib) = (flavor.vcpus / nodes, flavor.ram_mib / u64::from(nodes));
    let cell = |n: u32| GuestCell { vcpus: (n * each..(n + 1) * each).collect(), memory_mib, ..GuestCell::default() };
    Ok((0..nodes).map(cell).collect())
}

/// Every vCPU is in one cell, and the memory adds up.
fn complete(cells: Vec<GuestCell>, flavor: &Flavor) -> Result<Vec<GuestCell>> {
    let mut seen = BTreeSet::new();
    if let Some(twice) = cells.iter().flat_map(|cell| &cell.vcpus).find(|cpu| !seen.insert(**cpu)) {
        return Err(TopologyError::CpuTwice(*twice));
    }
    if let Some(nowhere) = (0..flavor.vcpus).find(|cpu| !seen.contains(cpu)) {
        return Err(TopologyError::CpuUnassigned(nowhere));
    }
    match cells.iter().map(|cell| cell.memory_mib).sum::<u64>() {
        sum if sum == flavor.ram_mib => Ok(cells),
        sum => Err(TopologyError::Memory(sum, flavor.ram_mib)),
    }
}

/// `small`, `large`, `any`, or a size: `2048`, `2MB`, `1GiB`; without a unit, KiB.
fn page_size(text: &str) -> Result<Pages> {
    let wrong = || TopologyError::PageSize(text.to_owned());
    match text {
        "small" => return Ok(Pages::Small),
        "large" => return Ok(Pages::Large),
        "any" => return Ok(Pages::Any),
        _ => {}
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: u64 = text[..digits].parse().map_err(|_| wrong())?;
    let factor = match text[digits..].trim().to_ascii_lowercase().as_str() {
        "" | "k" | "kb" | "kib" => 1,
        "m" | "mb" | "mib" => 1 << 10,
        "g" | "gb" | "gib" => 1 << 20,
        _ => return Err(wrong()),
    };
    number.checked_mul(factor).filter(|kib| *kib > 0).map(Pages::Kib).ok_or_else(wrong)
}

/// `0-3,^2,7` of a guest with so many vCPUs. With nothing but exclusions, all others.
fn cpu_list(text: &str, vcpus: u32) -> Result<BTreeSet<u32>> {
    let list = kernel::cpu_list::parse(text).ok_or_else(|| TopologyError::CpuList(text.to_owned()))?;
    let cpus = list.of((0..vcpus).collect());
    match cpus.last() {
        Some(last) if *last >= vcpus => Err(TopologyError::CpuOutOfRange(*last, vcpus.saturating_sub(1))),
        _ => Ok(cpus),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::flavor;

    fn pairs(list: &[(&str, &str)]) -> BTreeMap<String, String> {
        list.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    fn of(specs: &[(&str, &str)], image: &[(&str, &str)]) -> Result<Option<GuestTopology>> {
        let flavor = Flavor { vcpus: 4, ram_mib: 1024, extra_specs: pairs(specs), ..flavor() };
        wanted(&flavor, &pairs(image))
    }

    /// Cells as `vcpus/dedicated/memory`, then what else was asked for.
    fn told(specs: &[(&str, &str)], image: &[(&str, &str)]) -> String {
        match of(specs, image) {
            Err(e) => e.to_string(),
            Ok(None) => "nothing".into(),
            Ok(Some(t)) => {
                let list = |cpus: &BTreeSet<u32>| cpus.iter().map(u32::to_string).collect::<Vec<_>>().join("");
                let cell = |c: &GuestCell| format!("{}/{}/{}", list(&c.vcpus), list(&c.dedicated), c.memory_mib);
                let cells: Vec<_> = t.cells.iter().map(cell).collect();
                let emulator = match t.emulator {
                    Emulator::Beside => String::new(),
                    other => format!(" {other:?}"),
                };
                let realtime = if t.realtime { " in real time" } else { "" };
                format!("{} {:?} {:?}{emulator}{realtime}", cells.join(" "), t.threads, t.pages)
            }
        }
    }

    #[test]
    fn wishes_are_read() {
        for (specs, image, expect) in [
            (&[][..], &[][..], "nothing"),
            (&[("hw:cpu_policy", "shared")], &[], "nothing"),
            (&[("hw:cpu_policy", "dedicated")], &[], "0123/0123/1024 Prefer Small"),
            (&[], &[("hw_cpu_policy", "dedicated")], "0123/0123/1024 Prefer Small"),
            (&[("hw:cpu_policy", "dedicated")], &[("hw_cpu_policy", "shared")], "0123/0123/1024 Prefer Small"),
            (&[("hw:cpu_policy", "mixed"), ("hw:cpu_dedicated_mask", "1-2")], &[], "0123/12/1024 Prefer Small"),
            (&[("hw:cpu_policy", "mixed"), ("hw:cpu_dedicated_mask", "^0")], &[], "0123/123/1024 Prefer Small"),
            (&[("hw:numa_nodes", "2")], &[], "01//512 23//512 Prefer Small"),
            (&[], &[("hw_numa_nodes", "1")], "0123//1024 Prefer Small"),
            (
                &[
                    ("hw:numa_nodes", "2"),
                    ("hw:numa_cpus.0", "0"),
                    ("hw:numa_mem.0", "24"),
                    ("hw:numa_cpus.1", "1-3"),
                    ("hw:numa_mem.1", "1000"),
                ],
                &[],
                "0//24 123//1000 Prefer Small",
            ),
            (&[("hw:mem_page_size", "large")], &[], "0123//1024 Prefer Large"),
            (&[("hw:mem_page_size", "2MB")], &[], "0123//1024 Prefer Kib(2048)"),
            (&[("hw:mem_page_size", "any")], &[("hw_mem_page_size", "1GB")], "0123//1024 Prefer Kib(1048576)"),
            (
                &[("hw:cpu_policy", "dedicated"), ("hw:cpu_thread_policy", "isolate")],
                &[],
                "0123/0123/1024 Isolate Small",
            ),
            (&[("hw:emulator_threads_policy", "share")], &[], "nothing"),
            (&[("hw:numa_nodes", "1"), ("hw:emulator_threads_policy", "share")], &[], "0123//1024 Prefer Small Share"),
            (
                &[
                    ("hw:cpu_policy", "dedicated"),
                    ("hw:emulator_threads_policy", "isolate"),
                    ("hw:cpu_realtime", "yes"),
                ],
                &[],
                "0123/0123/1024 Prefer Small Isolate in real time",
            ),
            (
                &[("hw:cpu_policy", "mixed"), ("hw:cpu_realtime", "yes"), ("hw:cpu_realtime_mask", "^0-1")],
                &[],
                "0123/23/1024 Prefer Small in real time",
            ),
            (
                &[("hw:cpu_policy", "mixed"), ("hw:cpu_realtime", "yes"), ("hw:cpu_realtime_mask", "^0-1")],
                &[("hw_cpu_realtime_mask", "1")],
                "0123/1/1024 Prefer Small in real time",
            ),
            (&[("resources:PCPU", "4")], &[], "0123/0123/1024 Prefer Small"),
            (
                &[("resources:PCPU", "5"), ("hw:emulator_threads_policy", "isolate")],
                &[],
                "0123/0123/1024 Prefer Small Isolate",
            ),
            (&[("resources:VCPU", "4")], &[], "nothing"),
        ] {
            assert_eq!(told(specs, image), expect, "{specs:?} {image:?}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (specs, image, expect) in [
            (&[("hw:numa_nodes", "0")][..], &[][..], "The property 'numa_nodes' cannot be '0'"),
            (&[("hw:numa_nodes", "3")], &[], "cannot be evenly distributed"),
            (&[("hw:numa_nodes", "2"), ("hw:numa_cpus.0", "0")], &[], "must be provided for all NUMA nodes"),
            (&[("hw:numa_nodes", "1")], &[("hw_numa_nodes", "1")], "'hw_numa_nodes' is not permitted to override"),
            (&[("hw:numa_nodes", "1")], &[("hw_numa_cpus.0", "1")], "'hw_numa_cpus.0' is not permitted to override"),
            (
                &[("hw:numa_nodes", "1"), ("hw:numa_cpus.0", "0-4"), ("hw:numa_mem.0", "1024")],
                &[],
                "CPU number 4 is larger than max 3",
            ),
            (
                &[("hw:numa_nodes", "1"), ("hw:numa_cpus.0", "0-2"), ("hw:numa_mem.0", "1024")],
                &[],
                "CPU number 3 is not assigned",
            ),
            (
                &[("hw:numa_nodes", "1"), ("hw:numa_cpus.0", "0-3"), ("hw:numa_mem.0", "1000")],
                &[],
                "1000 MB of memory assigned, but expected 1024 MB",
            ),
            (&[("hw:mem_page_size", "huge")], &[], "Invalid memory page size 'huge'"),
            (&[("hw:mem_page_size", "small")], &[("hw_mem_page_size", "large")], "forbidden against 'small'"),
            (&[], &[("hw_mem_page_size", "large")], "Page size large forbidden against 'small'"),
            (&[("hw:cpu_policy", "often")], &[], "CPU policy requested from 'flavor' is invalid"),
            (
                &[("hw:cpu_policy", "shared")],
                &[("hw_cpu_policy", "dedicated")],
                "not permitted to override CPU pinning",
            ),
            (&[("hw:cpu_thread_policy", "isolate")], &[], "in a non dedicated cpu pinning policy"),
            (
                &[("hw:cpu_policy", "dedicated"), ("hw:cpu_thread_policy", "require")],
                &[("hw_cpu_thread_policy", "isolate")],
                "not permitted to override CPU thread pinning",
            ),
            (&[("hw:cpu_policy", "mixed")], &[], "Dedicated CPU set can be specified from either"),
            (
                &[
                    ("hw:cpu_policy", "mixed"),
                    ("hw:cpu_dedicated_mask", "1"),
                    ("hw:cpu_realtime", "1"),
                    ("hw:cpu_realtime_mask", "1"),
                ],
                &[],
                "can not be specified at the same time",
            ),
            (
                &[("hw:cpu_policy", "mixed"), ("hw:cpu_dedicated_mask", "0-3")],
                &[],
                "Mixed instance must have at least 1",
            ),
            (&[("hw:cpu_policy", "dedicated"), ("hw:cpu_dedicated_mask", "0")], &[], "without the 'mixed' policy"),
            (&[("resources:PCPU", "4"), ("hw:cpu_policy", "dedicated")], &[], "use one or the other"),
            (&[("resources:PCPU", "4"), ("resources:VCPU", "1")], &[], "specify both 'resources:VCPU'"),
            (&[("resources:PCPU", "3")], &[], "exactly flavor.vcpus PCPUs"),
            (&[("resources:PCPU", "4"), ("hw:emulator_threads_policy", "isolate")], &[], "flavor.vcpus + 1 PCPUs"),
            (&[("hw:cpu_policy", "mixed"), ("hw:cpu_dedicated_mask", "x")], &[], "Invalid CPU list 'x'"),
        ] {
            let said = told(specs, image);
            assert!(said.contains(expect), "{specs:?} {image:?}: {said}");
        }
    }
}

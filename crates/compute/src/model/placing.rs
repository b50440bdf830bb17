//! What a server asks of placement: its flavor's resources, its zone, its group's rules and its hints.

use super::{
    group::{GroupPolicy, ServerGroup},
    server::Server,
    topology,
    wishes::{Asked, needs},
};
use kernel::HostName;
use ports::{Domain, PlaceRequest, Roster};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};

/// The group of a server and the other servers in it.
pub struct GroupView {
    pub group: Arc<ServerGroup>,
    pub others: Vec<Arc<Server>>,
}

/// `same_host` and `different_host` of the hints: servers, which the caller looks up.
pub fn hinted<'a>(server: &'a Server, hint: &str) -> Vec<&'a str> {
    match server.hints.get(hint) {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// `roster`: hosts whose agent is there or soon will be, and which are not disabled. `host_of` looks up the host of a hinted server.
pub fn request(
    server: &Server,
    group: Option<&GroupView>,
    host_of: impl Fn(&str) -> Option<HostName>,
    roster: Roster,
) -> PlaceRequest {
    let hosts_of = |hint: &str| hinted(server, hint).into_iter().filter_map(&host_of).collect::<Vec<_>>();
    let mut request = PlaceRequest {
        consumer: server.id.to_string(),
        project: server.project.clone(),
        user: server.user.to_string(),
        resources: resources(server),
        availability_zone: server.pinned_zone.clone(),
        only_hosts: server.forced_host.clone().into_iter().collect(),
        not_hosts: hosts_of("different_host"),
        image: server.image.clone(),
        flavor: server.flavor.name.clone(),
        label_conditions: label_conditions(server),
        image_properties: server.properties.clone(),
        // It was in order when the server was made.
        topology: topology::wanted(&server.flavor, &server.properties).ok().flatten(),
        domain: domain(server),
        roster,
        ..PlaceRequest::default()
    };
    if request.only_hosts.is_empty() {
        // A server that is nowhere makes the wish impossible, as in Nova: no host has the name of a server's id.
        let same = hinted(server, "same_host");
        request.only_hosts = same.into_iter().map(|id| host_of(id).unwrap_or_else(|| id.into())).collect();
    }
    traits(server, &mut request);
    if let Some(group) = group {
        affinity(group, &mut request);
    }
    request
}

/// What a server takes of its host.
pub fn resources(server: &Server) -> BTreeMap<String, u64> {
    let flavor = &server.flavor;
    let dedicated = topology::dedicated(flavor, &server.properties);
    let mut resources: BTreeMap<String, u64> = [
        ("VCPU".into(), u64::from(flavor.vcpus).saturating_sub(dedicated.vcpus)),
        ("PCPU".into(), dedicated.vcpus + dedicated.emulator),
        ("MEMORY_MB".into(), flavor.ram_mib),
        ("DISK_GB".into(), server.local_disk_gib()),
    ]
    .into();
    if needs::encrypted_memory(&Asked { flavor, image: &server.properties, image_name: "" }) {
        resources.insert("MEM_ENCRYPTION_CONTEXT".into(), 1);
    }
    // `resources:CUSTOM_LICENSE=1`; `resources:VCPU=0` takes one away.
    for (key, value) in &flavor.extra_specs {
        if let (Some(class), Ok(amount)) = (key.strip_prefix("resources:"), value.parse()) {
            resources.insert(class.to_owned(), amount);
        }
    }
    resources.retain(|_, amount| *amount > 0);
    resources
}

/// What it takes to be able to become either of two.
pub fn either(one: &Server, other: &Server) -> BTreeMap<String, u64> {
    let mut most = resources(one);
    for (class, amount) in resources(other) {
        let of_class = most.entry(class).or_default();
        *of_class = amount.max(*of_class);
    }
    most
}

/// What a server has claimed of its own host. One that is given another shape while it runs may have either in the end.
pub fn claimed(server: &Server) -> BTreeMap<String, u64> {
    match &server.resize {
        Some(resize) if resize.manner.is_live() && resize.dest.is_some() => {
            either(&resize.old.on(server), &resize.new.on(server))
        }
        _ => resources(&server.to_be()),
    }
}

/// Of what its aggregates are to say: extra specs of that scope.
fn label_conditions(server: &Server) -> BTreeMap<String, String> {
    let scoped = |(key, value): (&String, &String)| {
        Some((key.strip_prefix("aggregate_instance_extra_specs:")?.to_owned(), value.clone()))
    };
    server.flavor.extra_specs.iter().filter_map(scoped).collect()
}

/// The hint `failure_domain`: servers of the group are kept apart, or together, by racks or rooms instead of hosts.
fn domain(server: &Server) -> Domain {
    match hinted(server, "failure_domain").first() {
        None | Some(&"host") => Domain::Host,
        Some(label) => Domain::Label((*label).to_owned()),
    }
}

fn traits(server: &Server, request: &mut PlaceRequest) {
    let asked = Asked { flavor: &server.flavor, image: &server.properties, image_name: "" };
    request.required_traits.extend(needs::traits(&asked));
    for (key, value) in server.flavor.extra_specs.iter().chain(&server.properties) {
        match (key.strip_prefix("trait:"), value.as_str()) {
            (Some(name), "required") => request.required_traits.push(name.to_owned()),
            (Some(name), "forbidden") => request.forbidden_traits.push(name.to_owned()),
            _ => {}
        }
    }
}

fn affinity(view: &GroupView, request: &mut PlaceRequest) {
    let hosts: Vec<HostName> = view.others.iter().filter_map(|s| s.host.clone()).collect();
    request.soft = view.group.policy.is_soft();
    match view.group.policy {
        GroupPolicy::Affinity | GroupPolicy::SoftAffinity => request.same_as = hosts,
        GroupPolicy::SoftAntiAffinity => request.different_from = hosts,
        GroupPolicy::AntiAffinity => {
            let limit = view.group.max_server_per_host.unwrap_or(1).max(1) as usize;
            let full = |host: &HostName| hosts.iter().filter(|h| *h == host).count() >= limit;
            request.different_from = hosts.iter().filter(|h| full(h)).cloned().collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::server;
    use serde_json::json;

    fn view(policy: GroupPolicy, limit: Option<u32>, hosts: &[&str]) -> GroupView {
        let group = ServerGroup {
            id: "g".into(),
            name: "g".into(),
            project: "p".into(),
            user: "u".into(),
            policy,
            max_server_per_host: limit,
            created: kernel::Timestamp::default(),
        };
        let other = |host: &&str| Arc::new(Server { host: Some((*host).into()), ..server("o") });
        GroupView { group: Arc::new(group), others: hosts.iter().map(other).collect() }
    }

    fn names(hosts: &[HostName]) -> Vec<&str> {
        hosts.iter().map(|h| h.as_str()).collect()
    }

    #[test]
    fn groups_become_lists_of_hosts() {
        use GroupPolicy as P;
        for (policy, limit, hosts, same, different) in [
            (P::Affinity, None, &["a", "a"][..], &["a", "a"][..], &[][..]),
            (P::SoftAffinity, None, &["a"], &["a"], &[]),
            (P::AntiAffinity, None, &["a", "b"], &[], &["a", "b"]),
            (P::AntiAffinity, Some(2), &["a", "b", "b"], &[], &["b", "b"]),
            (P::SoftAntiAffinity, None, &["a", "a", "b"], &[], &["a", "a", "b"]),
        ] {
            let view = view(policy, limit, hosts);
            let request = request(&server("s"), Some(&view), |_| None, Roster::default());
            assert_eq!(names(&request.same_as), same, "{policy}");
            assert_eq!(names(&request.different_from), different, "{policy}");
            assert_eq!(request.soft, policy.is_soft());
        }
    }

    #[test]
    fn flavor_and_hints_speak() {
        let mut server = server("s");
        server.flavor.extra_specs = [
            ("resources:VCPU".into(), "0".into()),
            ("resources:CUSTOM_X".into(), "2".into()),
            ("trait:HW_A".into(), "required".into()),
            ("trait:HW_B".into(), "forbidden".into()),
            ("hw:other".into(), "1".into()),
        ]
        .into();
        server.properties = [("hw_disk_bus".into(), "usb".into())].into();
        server.hints = json!({"different_host": ["x", "gone"], "same_host": "y"}).as_object().unwrap().clone();
        let host_of = |id: &str| (id != "gone").then(|| HostName::from(format!("host-of-{id}")));
        let asked = request(&server, None, host_of, Roster::default());
        assert_eq!(asked.resources, [("MEMORY_MB".into(), 128), ("DISK_GB".into(), 1), ("CUSTOM_X".into(), 2)].into());
        assert_eq!(
            (asked.required_traits, asked.forbidden_traits),
            (vec!["COMPUTE_STORAGE_BUS_USB".into(), "HW_A".into()], vec!["HW_B".into()])
        );
        assert_eq!((names(&asked.only_hosts), names(&asked.not_hosts)), (vec!["host-of-y"], vec!["host-of-x"]));
        assert_eq!(names(&request(&server, None, |_| None, Roster::default()).only_hosts), ["y"], "nowhere");
        server.flavor.extra_specs.insert("hw:mem_encryption".into(), "yes".into());
        assert_eq!(resources(&server)["MEM_ENCRYPTION_CONTEXT"], 1);
        server.flavor.extra_specs = [("hw:cpu_policy".into(), "dedicated".into())].into();
        assert_eq!(resources(&server)["PCPU"], 1);
        server.flavor.extra_specs.insert("hw:emulator_threads_policy".into(), "isolate".into());
        assert_eq!((resources(&server)["PCPU"], resources(&server).get("VCPU")), (2, None), "one for the hypervisor");
        server.flavor.vcpus = 4;
        let mixed = [("hw:cpu_policy", "mixed"), ("hw:cpu_realtime", "yes"), ("hw:cpu_realtime_mask", "^0")];
        server.flavor.extra_specs.extend(mixed.map(|(key, value)| (key.to_owned(), value.to_owned())));
        assert_eq!(
            (resources(&server)["PCPU"], resources(&server)["VCPU"]),
            (4, 1),
            "three in real time, one beside them"
        );
        server.flavor.extra_specs = [("resources:PCPU".into(), "4".into())].into();
        assert_eq!((resources(&server)["PCPU"], resources(&server).get("VCPU")), (4, None));
        server.forced_host = Some("z".into());
        assert_eq!(names(&request(&server, None, |_| None, Roster::default()).only_hosts), ["z"]);
    }
}

//! What a node says when it cannot start: the sentence that `tstack doctor` has for it, before anything is made.

use crate::rig::{Node, free_port, tstack, words};
use std::{fs, net::TcpListener, os::unix::process::CommandExt, process::Command};

/// `tstack run` refuses with these words.
fn refused(node: &Node, more: &[&str], expect: &[&str]) {
    let output = node.command("run", more);
    let said = words(&output);
    assert!(!output.status.success(), "it started: {said}");
    assert!(said.starts_with("tstack: "), "{said}");
    for part in expect {
        assert!(said.contains(part), "{part} is not in: {said}");
    }
}

#[test]
fn unknown_keys_are_named_with_the_nearest() {
    let node = Node::new();
    refused(&node, &["--set", "api.prot=1"], &["unknown key api.prot (did you mean api.port?)"]);
    let file = node.data().join("tstack.toml");
    fs::write(&file, "[hypervizor]\ndriver = \"fake\"\n\n[log]\nlevle = \"debug\"\n").unwrap();
    let named = format!("{}: unknown key hypervizor.driver (did you mean hypervisor.driver?)", file.display());
    refused(&node, &[], &[&named, "unknown key log.levle (did you mean log.level?)"]);
    fs::write(&file, "[log]\nlevel = 3\n").unwrap();
    refused(&node, &[], &["log.level = 3: expected a string, for instance \"info\""]);
    fs::write(&file, "[log\n").unwrap();
    refused(&node, &[], &["tstack.toml: "]);
    let left: Vec<_> = fs::read_dir(node.data()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["tstack.toml"], "nothing is made");
}

#[test]
fn a_port_in_use() {
    let mut node = Node::new();
    let other = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    node.port = other.local_addr().unwrap().port();
    let sentence = format!(
        "api.port: 127.0.0.1:{}: Address already in use (os error 98)\n    → stop who listens there (`ss -ltnp`), or set another port: \
         --set api.port=…",
        node.port
    );
    refused(&node, &[], &[&sentence]);
    let doctor = node.command("doctor", &[]);
    assert!(!doctor.status.success() && words(&doctor).contains("MISS api.port"), "{}", words(&doctor));
    // Somebody answers there, but not this node.
    let up = node.command("up", &[]);
    assert!(!up.status.success() && words(&up).contains(&sentence), "{}", words(&up));
    node.port = free_port();
    let agents = format!("agent.port={}", other.local_addr().unwrap().port());
    refused(&node, &["--set", &agents], &["agent.port: 127.0.0.1:", "Address already in use"]);
}

#[test]
fn a_missing_package() {
    let node = Node::new();
    let nothing = node.data().join("nothing");
    fs::create_dir(&nothing).unwrap();
    let with_path = |name: &str| {
        let set = ["--set", "volume.driver=fake", "--set", "network.driver=fake", "--set", "agent.port=0"];
        let port = format!("api.port={}", node.port);
        let mut command = tstack();
        command.arg(name).arg("--data").arg(node.data()).args(set).args(["--set", &port]).env("PATH", &nothing);
        command.output().unwrap()
    };
    let run = with_path("run");
    let said = words(&run);
    assert!(!run.status.success(), "{said}");
    assert!(said.contains("qemu-system-x86_64: not found\n    → apt install qemu-system-x86"), "{said}");
    assert!(said.contains("qemu-img: not found\n    → apt install qemu-utils"), "{said}");
    let doctor = with_path("doctor");
    assert!(!doctor.status.success() && words(&doctor).contains("→ apt install qemu-system-x86"), "{}", words(&doctor));
    assert!(!node.data().join("store.redb").exists(), "nothing is made");
}

#[test]
fn no_root() {
    let node = Node::new();
    fs::set_permissions(node.data(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    // The binary's directory may be closed to others: a copy is not.
    let binary = node.data().join("tstack");
    fs::copy(tstack().get_program(), &binary).unwrap();
    let as_nobody = |more: &[&str]| {
        let mut command = Command::new(&binary);
        command.args(["run", "--set", "agent.port=0", "--set", &format!("api.port={}", node.port)]).args(more);
        if rustix::process::geteuid().is_root() {
            command.uid(65534).gid(65534);
        }
        words(&command.output().unwrap())
    };
    let data = node.data().display().to_string();
    let said = as_nobody(&["--data", &data]);
    let sentence = "root: not running as root\n    → run as root (guests' taps and namespaces need it), or try --fake";
    assert!(said.starts_with("tstack: this node cannot start") && said.contains(sentence), "{said}");
    let fakes = ["hypervisor.driver=fake", "network.driver=fake", "volume.driver=fake"];
    let mut more = vec!["--data", "/proc/1/tstack"];
    fakes.iter().for_each(|set| more.extend(["--set", set]));
    let said = as_nobody(&more);
    assert!(said.contains("→ choose another with --data, or give it to this user"), "{said}");
}

//! What a test makes on the machine, and how it goes: with the test, whether that passes or fails; and what a test that was killed has left,
//! with the next test of anybody.
//!
//! Names tell who made a thing: directories are `tsv<pid>-<random>`, control groups `tstack-test-<directory>`, taps `vt<pid>t<number>`.

use crate::bench::processes;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Once,
        atomic::{AtomicU32, Ordering},
    },
    thread::sleep,
    time::{Duration, Instant},
};
use tempfile::TempDir;

const GROUP: &str = "tstack-test-";
const DIR: &str = "tsv";
const TAP: &str = "vt";
/// A process that was killed is gone after that at the latest, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(20);

pub fn dir() -> TempDir {
    tempfile::Builder::new().prefix(&format!("{DIR}{}-", std::process::id())).tempdir().unwrap()
}

pub fn group(dir: &Path) -> String {
    format!("{GROUP}{}", dir.file_name().unwrap().to_str().unwrap())
}

/// A name that nobody else has.
pub fn tap() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    format!("{TAP}{}t{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))
}

pub fn remove_tap(name: &str) {
    let _ = Command::new("ip").args(["link", "del", name]).output();
}

/// Ends the guests of a host, and takes its groups away. Its directory is in their command lines.
pub fn remove_host(dir: &Path) {
    let of_host = format!("{}/", dir.display());
    until(|| {
        let left = processes(&of_host);
        for pid in &left {
            let _ = Command::new("kill").args(["-9", &pid.to_string()]).output();
        }
        left.is_empty()
    });
    let name = group(dir);
    let hierarchies = ["", "cpu", "unified"].map(|h| Path::new("/sys/fs/cgroup").join(h));
    let groups = hierarchies.iter().flat_map(|h| [h.join(&name), h.join(format!("{name}.slice"))]);
    groups.for_each(|group| until(|| remove_group(&group)));
}

/// True if it is gone. Files of a group go with it.
fn remove_group(group: &Path) -> bool {
    for child in fs::read_dir(group).into_iter().flatten().flatten().filter(|e| e.path().is_dir()) {
        remove_group(&child.path());
    }
    let _ = fs::remove_dir(group);
    !group.exists()
}

fn until(mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() && began.elapsed() < PATIENCE {
        sleep(Duration::from_millis(20));
    }
}

/// What tests have left whose processes are gone. Once in a process.
pub fn of_the_dead() {
    static DONE: Once = Once::new();
    DONE.call_once(sweep);
}

fn sweep() {
    for tap in names("/sys/class/net").filter(|name| is_of_the_dead(name, TAP, 't')) {
        remove_tap(&tap);
    }
    // A host may have lost its directory and have its group still.
    let of_groups = ["/sys/fs/cgroup", "/sys/fs/cgroup/cpu"].into_iter().flat_map(names);
    let of_groups = of_groups.filter_map(|n| Some(n.strip_prefix(GROUP)?.trim_end_matches(".slice").to_owned()));
    let temporary = std::env::temp_dir();
    let dirs = names(&temporary).chain(of_groups).filter(|name| is_of_the_dead(name, DIR, '-'));
    for dir in dirs.map(|name| temporary.join(name)).collect::<BTreeSet<PathBuf>>() {
        remove_host(&dir);
        let _ = fs::remove_dir_all(dir);
    }
}

fn names(dir: impl AsRef<Path>) -> impl Iterator<Item = String> {
    fs::read_dir(dir).into_iter().flatten().flatten().filter_map(|e| e.file_name().into_string().ok())
}

fn is_of_the_dead(name: &str, begins: &str, ends: char) -> bool {
    let pid = name.strip_prefix(begins).and_then(|rest| rest.split_once(ends)).map(|(pid, _)| pid.parse::<u32>());
    matches!(pid, Some(Ok(pid)) if !Path::new("/proc").join(pid.to_string()).exists())
}

/// A test that was killed leaves a guest, a tap and a group; the next one takes them away, and leaves those of the living.
#[test]
fn what_the_dead_have_left_goes() {
    if crate::bench::without_qemu() {
        return;
    }
    let mut dead = Command::new("true").spawn().unwrap();
    let pid = dead.id();
    dead.wait().unwrap();
    let (theirs, ours) = (std::env::temp_dir().join(format!("{DIR}{pid}-x")), dir());
    let (mut guests, cpu) = (Vec::new(), Path::new("/sys/fs/cgroup/cpu"));
    let groups = if cpu.exists() { cpu } else { Path::new("/sys/fs/cgroup") };
    for dir in [&theirs, ours.path()] {
        fs::create_dir_all(dir).unwrap();
        let disk = dir.join("disk");
        fs::write(&disk, "").unwrap();
        guests.push(Command::new("tail").arg("-f").arg(disk).spawn().unwrap());
        fs::create_dir_all(groups.join(group(dir)).join("vm")).unwrap();
    }
    let taps = [format!("{TAP}{pid}t0"), tap()];
    for tap in &taps {
        assert!(Command::new("ip").args(["tuntap", "add", "dev", tap, "mode", "tap"]).status().unwrap().success());
    }
    sweep();
    let there = |dir: &Path| [dir.to_owned(), groups.join(group(dir))].map(|path| path.exists());
    let has = |tap: &str| Path::new("/sys/class/net").join(tap).exists();
    let seen = (there(&theirs), there(ours.path()), has(&taps[0]), has(&taps[1]));
    let alive: Vec<bool> = guests.iter_mut().map(|g| g.try_wait().unwrap().is_none()).collect();
    remove_host(ours.path());
    remove_tap(&taps[1]);
    guests.iter_mut().for_each(|guest| drop(guest.wait()));
    assert_eq!((seen, alive), (([false; 2], [true; 2], false, true), vec![false, true]));
    assert!(!there(ours.path())[1] && !has(&taps[1]), "nothing is left of this test either");
}

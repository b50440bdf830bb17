//! What is left of guests is named: processes, directories, sockets.

use crate::bench::{QemuBench, without_qemu};
use compute::driver::{Fence, StopMode};
use drivers_virt::conformance::{Bench, eventually, plain_spec};
use kernel::ServerId;
use std::{
    collections::BTreeSet,
    fs,
    os::unix::{net::UnixListener, process::CommandExt},
    path::Path,
    process::{Child, Command},
};

/// What looks like a QEMU of a VM whose directory this is; ended when dropped.
struct Stray(Child);

impl Stray {
    fn of(dir: &Path) -> Self {
        let pidfile = dir.join("pid");
        let args = ["-c", "sleep 1000 & wait", "-pidfile", pidfile.to_str().unwrap()];
        Self(Command::new("sh").args(args).process_group(0).spawn().unwrap())
    }
    fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Stray {
    fn drop(&mut self) {
        let group = format!("-{}", self.pid());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_left_of_guests_is_named() {
    if without_qemu() {
        return;
    }
    let bench = QemuBench::new().await;
    let (driver, fence) = (bench.driver(), Fence { generation: 1 });
    let (running, stopped) = (plain_spec(), plain_spec());
    let mut claimed: BTreeSet<ServerId> = [running.server.clone(), stopped.server.clone()].into();
    driver.start(&running, fence).await.unwrap();
    driver.start(&stopped, fence).await.unwrap();
    driver.stop(&stopped.server, StopMode::Force, fence).await.unwrap();
    let audit = async |claimed: &BTreeSet<ServerId>| bench.qemu().audit(claimed).await.unwrap();
    let none: [String; 0] = [];
    eventually("one runs, one does not, and all is well", async || audit(&claimed).await == none).await;

    // Taken away from this host: its process and its directory are leaks.
    claimed.remove(&running.server);
    let found = audit(&claimed).await;
    let (pid, server) = (bench.pid(&running.server), &running.server);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(
        found[0].contains(&format!("process {pid}: the QEMU of server {server}, which nobody claims")),
        "{found:#?}"
    );
    assert!(found[1].contains(&format!("the directory of server {server}, which nobody claims")), "{found:#?}");
    claimed.insert(running.server.clone());

    // A second process of one server, and one of a server of which there is no record.
    let second = Stray::of(&bench.vm_dir(&running.server));
    let strange = ServerId::new();
    let unknown = Stray::of(&bench.vm_dir(&strange));
    claimed.insert(strange.clone());
    let twice = format!("server {}: 2 QEMU processes at once", running.server);
    let unrecorded = format!("process {}: the QEMU of server {strange}, of which there is no record", unknown.pid());
    // A process has its name only some time after it was begun.
    eventually("both are named", async || {
        let found = audit(&claimed).await.join("\n");
        found.contains(&twice) && found.contains(&unrecorded)
    })
    .await;
    drop((second, unknown));
    claimed.remove(&strange);

    // What nobody's guest has, among the guests; and a socket on which nobody listens any more.
    let vms = bench.config.state_dir.join("vms");
    fs::create_dir(vms.join("junk")).unwrap();
    drop(UnixListener::bind(bench.vm_dir(&stopped.server).join("vnc.sock")).unwrap());
    let found = audit(&claimed).await.join("\n");
    assert!(found.contains("junk: not a guest's, among the guests'"), "{found}");
    assert!(found.contains("vnc.sock: its QEMU does not run"), "{found}");
    fs::remove_dir(vms.join("junk")).unwrap();
    fs::remove_file(bench.vm_dir(&stopped.server).join("vnc.sock")).unwrap();
    assert_eq!(audit(&claimed).await, none);

    let last = Fence { generation: 2 };
    for server in [&running.server, &stopped.server] {
        driver.destroy(server, last).await.unwrap();
    }
    assert_eq!(audit(&BTreeSet::new()).await, none);
}

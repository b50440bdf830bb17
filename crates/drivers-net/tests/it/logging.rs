//! What groups let pass or not is written down where an operator reads it, and no guest fills the disk with it.

use crate::rig::{Rig, ask, eventually, reached, skipped};
use drivers_net::conformance::objects::{network, port, put, subnet, tcp_group};
use network::driver::{LLog, LSecurityGroup, NetworkBackend};
use std::net::UdpSocket;

const FLOOD: usize = 3000;

/// Lines of this log that say so, in the log of the host's ovn-controller.
fn lines(rig: &Rig, log: &str, verdict: &str) -> usize {
    let text = std::fs::read_to_string(rig.configs[0].state_dir.join("ovn-controller.log")).unwrap_or_default();
    let (name, verdict) = (format!("name=\"{log}\""), format!("verdict={verdict}"));
    text.lines().filter(|l| l.contains("acl_log") && l.contains(&name) && l.contains(&verdict)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_groups_decide_is_written_down() {
    if skipped() {
        return;
    }
    let rig = Rig::single().await;
    let (net, plain) = (network(), tcp_group(&[80]));
    let log = |id: &str, accepted, refused| Some(LLog { id: id.into(), accepted, refused });
    let told = LSecurityGroup { log: log("both", true, true), ..tcp_group(&[80]) };
    let sub = subnet(&net, "10.1.0.0/24");
    let (a, b, c) = (port(&sub, 11, &[&plain]), port(&sub, 12, &[&told]), port(&sub, 13, &[&plain]));
    let objects = [put(net), put(sub), put(plain), put(told.clone()), put(a.clone()), put(b.clone()), put(c.clone())];
    rig.backend.apply(&objects).await.unwrap();
    let ga = rig.ready_guest(0, &a, "").await;
    let gb = rig.ready_guest(0, &b, "").await;
    let gc = rig.ready_guest(0, &c, "").await;
    crate::rig::echo_peer(&gb.netns, 80).await;
    crate::rig::echo_peer(&gc.netns, 80).await;
    reached(&ga.netns, "10.1.0.12", 80).await;
    eventually("what was let in is told", || async { lines(&rig, "both", "allow") > 0 }).await;
    assert_eq!(lines(&rig, "both", "drop"), 0);
    assert_eq!(ask(&ga.netns, "10.1.0.12", 81).await, None);
    eventually("what was refused is told", || async { lines(&rig, "both", "drop") > 0 }).await;

    // Only what is refused, by a log of its own; and not one line for each packet of a flood.
    rig.backend.apply(&[put(LSecurityGroup { log: log("refused", false, true), ..told.clone() })]).await.unwrap();
    eventually("the other log tells", || async {
        ask(&ga.netns, "10.1.0.12", 82).await;
        lines(&rig, "refused", "drop") > 0
    })
    .await;
    let flooding = move || {
        let socket = UdpSocket::bind(("0.0.0.0", 0))?;
        (0..FLOOD).try_for_each(|_| socket.send_to(b"flood", ("10.1.0.12", 9)).map(|_| ()))
    };
    ga.netns.run(flooding).await.unwrap().unwrap();
    reached(&ga.netns, "10.1.0.12", 80).await;
    let told_of = lines(&rig, "refused", "drop");
    assert!(told_of < FLOOD / 2, "{told_of} lines of {FLOOD} packets");
    assert_eq!(lines(&rig, "refused", "allow"), 0);

    // Switched off, nothing more is told; and of the group without a log nothing ever was.
    rig.backend.apply(&[put(LSecurityGroup { log: None, ..told })]).await.unwrap();
    eventually("silence", || async {
        let before = lines(&rig, "refused", "drop");
        ask(&ga.netns, "10.1.0.12", 83).await;
        lines(&rig, "refused", "drop") == before
    })
    .await;
    assert_eq!(reached(&ga.netns, "10.1.0.13", 80).await, "10.1.0.11");
    assert_eq!(ask(&ga.netns, "10.1.0.13", 81).await, None);
}

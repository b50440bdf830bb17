//! What guests notice of a change, and of processes that die under them: counted in datagrams that stay unanswered.

use crate::rig::{Rig, ask, ask_within, closed, echo_peer, eventually, reached, skipped};
use drivers_net::{
    conformance::objects::{group, network, port, put, rule, subnet},
    netns::Netns,
    system::OvsHost,
};
use network::driver::{Direction, LSecurityGroup, NetworkBackend, Remote};
use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// Between two datagrams.
const BEAT: Duration = Duration::from_millis(20);
const PORT: u16 = 7;

/// Answers every datagram with itself.
pub async fn echo(netns: &Netns) {
    let socket = netns.run(|| UdpSocket::bind(("0.0.0.0", PORT))).await.unwrap().unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 64];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let _ = socket.send_to(&buffer[..length], from);
        }
    });
}

/// The longest time for which nothing was answered while something went on. It is counted in datagrams that were sent, so a
/// machine that is too busy to send does not look like a network that does not answer.
pub async fn silence<T>(from: &Netns, to: &str, work: impl Future<Output = T>) -> (Duration, T) {
    let to = SocketAddr::new(to.parse::<IpAddr>().unwrap(), PORT);
    let socket = from.run(|| UdpSocket::bind(("0.0.0.0", 0))).await.unwrap().unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let (sending, stopped) = (socket.try_clone().unwrap(), stop.clone());
    let sender = std::thread::spawn(move || {
        let mut sent = 0_u32;
        while !stopped.load(Ordering::Relaxed) {
            let _ = sending.send_to(&sent.to_be_bytes(), to);
            sent += 1;
            std::thread::sleep(BEAT);
        }
        sent
    });
    let stopped = stop.clone();
    let receiver = std::thread::spawn(move || {
        let (mut answered, mut buffer) = (BTreeSet::new(), [0; 4]);
        loop {
            match socket.recv(&mut buffer) {
                Ok(4) => {
                    answered.insert(u32::from_be_bytes(buffer));
                }
                Err(_) if stopped.load(Ordering::Relaxed) => return answered,
                _ => {}
            }
        }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    let done = work.await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    stop.store(true, Ordering::Relaxed);
    let join = move || (sender.join().unwrap(), receiver.join().unwrap());
    let (sent, answered) = tokio::task::spawn_blocking(join).await.unwrap();
    let last = *answered.last().expect("something was answered");
    assert!(sent - last < 50, "it ends in silence: {last} of {sent} was the last answered");
    let mut longest = 0;
    for pair in answered.iter().collect::<Vec<_>>().windows(2) {
        longest = longest.max(pair[1] - pair[0] - 1);
    }
    (BEAT * longest, done)
}

/// A hundred rules, and UDP for the datagrams.
fn busy(more: &[u16]) -> LSecurityGroup {
    let hundred = 1000..1100_u16;
    let tcp = hundred.chain(more.iter().copied()).map(|p| rule(Direction::Ingress, Some(6), Some((p, p)), Remote::Any));
    group(tcp.chain([rule(Direction::Ingress, Some(17), None, Remote::Any)]))
}

#[tokio::test(flavor = "multi_thread")]
async fn guests_hardly_notice_what_dies_and_changes() {
    if skipped() {
        return;
    }
    let mut rig = Rig::single().await;
    let (net, rules) = (network(), busy(&[]));
    let sub = subnet(&net, "10.1.0.0/24");
    let (a, b) = (port(&sub, 11, &[&rules]), port(&sub, 12, &[&rules]));
    rig.backend.apply(&[put(net), put(sub), put(rules.clone()), put(a.clone()), put(b.clone())]).await.unwrap();
    let (ga, gb) = (rig.ready_guest(0, &a, "").await, rig.ready_guest(0, &b, "").await);
    echo(&gb.netns).await;
    echo_peer(&gb.netns, 1000).await;
    echo_peer(&gb.netns, 80).await;
    reached(&ga.netns, "10.1.0.12", 1000).await;
    assert_eq!(ask(&ga.netns, "10.1.0.12", 80).await, None);

    // A rule among a hundred, until it holds on the tap.
    let (mut opened, mut shut) = (Duration::MAX, Duration::MAX);
    for _ in 0..3 {
        let started = Instant::now();
        rig.backend.apply(&[put(LSecurityGroup { id: rules.id.clone(), ..busy(&[80]) })]).await.unwrap();
        eventually("the rule holds", || async {
            ask_within(&ga.netns, "10.1.0.12", 80, Duration::from_millis(100)).await.is_some()
        })
        .await;
        opened = opened.min(started.elapsed());
        let started = Instant::now();
        rig.backend.apply(&[put(LSecurityGroup { id: rules.id.clone(), ..busy(&[]) })]).await.unwrap();
        closed(&ga.netns, "10.1.0.12", 80).await;
        // The last, vain, attempt waits a second for its answer.
        shut = shut.min(started.elapsed().saturating_sub(Duration::from_secs(1)));
    }
    eprintln!("a rule among a hundred holds after {opened:?}, and is gone after {shut:?}");
    assert!(opened < Duration::from_secs(1) && shut < Duration::from_secs(1), "{opened:?} {shut:?}");

    let before = rig.pid("ovn-controller");
    let (quiet, ()) = silence(&ga.netns, "10.1.0.12", async {
        std::process::Command::new("kill").args(["-KILL", &before]).status().unwrap();
        eventually("another ovn-controller has taken its place", || async {
            let now = rig.pid("ovn-controller");
            !now.is_empty() && now != before && std::path::Path::new("/proc").join(&now).exists()
        })
        .await;
        // Until it has done something: a change reaches the tap.
        rig.backend.apply(&[put(LSecurityGroup { id: rules.id.clone(), ..busy(&[80]) })]).await.unwrap();
        reached(&ga.netns, "10.1.0.12", 80).await;
    })
    .await;
    eprintln!("an ovn-controller killed: silence for {quiet:?}");
    assert!(quiet <= Duration::from_secs(1), "{quiet:?}");

    let (quiet, ()) = silence(&ga.netns, "10.1.0.12", async {
        rig.hosts.clear();
        tokio::time::sleep(Duration::from_secs(1)).await;
        rig.hosts.push(OvsHost::ensure(rig.configs[0].clone()).await.unwrap());
    })
    .await;
    eprintln!("our own end and beginning: silence for {quiet:?}");
    assert!(quiet <= Duration::from_secs(1), "{quiet:?}");
}

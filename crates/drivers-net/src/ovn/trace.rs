//! What OVN itself says becomes of a frame: `ovn-trace`, which walks the southbound database's flows.
//!
//! It tells nothing of what hosts do with the flows, and takes every connection for a new one, as [`network::why`] does. Nearly
//! all of the time goes into reading the flows; who has many frames keeps one that has read them (`ovn-trace --detach`).

use crate::ovsdb::Endpoint;
use kernel::{Error, Result, error::Doing};
use network::why::{Frame, Origin, Trace, What};
use std::time::Duration;
use tokio::{process::Command, time::timeout};

const LIMIT: Duration = Duration::from_secs(20);
/// Times that a packet may come by connection tracking: each is told that its connection is new.
pub const TRACKED: usize = 24;
const OUTSIDE: &str = "localnet-";

pub(super) async fn trace(southbound: &[Endpoint], frame: &Frame) -> Result<Trace> {
    let database = southbound.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let mut command = Command::new("ovn-trace");
    command.arg(format!("--db={database}")).args(["--no-leader-only", "--no-friendly-names", "--minimal"]);
    command.args(std::iter::repeat_n("--ct=new", TRACKED)).arg(expression(frame)).kill_on_drop(true);
    let output = timeout(LIMIT, command.output()).await;
    let output =
        output.map_err(|_| Error::unavailable("ovn-trace did not end in time"))?.doing("starting ovn-trace")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(Error::unavailable("ovn-trace cannot tell").with_internal(why));
    }
    Ok(read(text, &frame.to_mac))
}

/// The frame in OVN's expression language.
pub fn expression(frame: &Frame) -> String {
    let inport = match &frame.from {
        Origin::Port(port) => port.to_string(),
        Origin::Outside { network, .. } => format!("{OUTSIDE}{network}"),
    };
    let v6 = frame.to.is_ipv6();
    let ip = if v6 { "ip6" } else { "ip4" };
    let what = match frame.what {
        What::Ping if v6 => "icmp6.type == 128 && icmp6.code == 0".to_owned(),
        What::Ping => "icmp4.type == 8 && icmp4.code == 0".to_owned(),
        What::Tcp(port) => format!("tcp.src == 40000 && tcp.dst == {port}"),
        What::Udp(port) => format!("udp.src == 40000 && udp.dst == {port}"),
        What::Other(number) => format!("ip.proto == {number}"),
    };
    format!(
        "inport == \"{inport}\" && eth.src == {} && eth.dst == {} && ip.ttl == 64 && {ip}.src == {} && {ip}.dst == {} && {what}",
        frame.from_mac, frame.to_mac, frame.source, frame.to
    )
}

/// Actions whose braces hold another frame that comes of this one: a router asks who has an address, or refuses.
const OTHERS: [&str; 6] = ["arp", "nd_ns", "nd_na", "icmp4", "icmp6", "tcp_reset"];

/// A router's answer to the question of another.
const ANSWERED: &str = "arp.op = 2;";

/// The frame becomes an echo reply.
const REPLIES: [&str; 2] = ["icmp4.type = 0;", "icmp6.type = 129;"];

/// What a minimal trace says. Lines `output("<port>");`, the frame's own and those of others: if a router asks an external network for an address,
/// somebody may answer there, and the frame would leave; inside, nobody has it. `mac`: whom the frame is for at first.
pub fn read(text: String, mac: &str) -> Trace {
    let (mut trace, mut mac) = (Trace::default(), mac.to_owned());
    // Blocks that are open: whether it is another frame's, and whom the frame was for before.
    let mut blocks: Vec<(bool, String)> = Vec::new();
    for line in text.lines().map(str::trim) {
        let own = !blocks.iter().any(|(other, _)| *other);
        if trace.answered {
            continue; // what follows is the answer's way
        }
        if let Some(port) = line.strip_prefix("output(\"").and_then(|rest| rest.strip_suffix("\");")) {
            match port.strip_prefix(OUTSIDE) {
                Some(network) => trace.outside.push(network.into()),
                None if own => trace.ports.push((port.into(), mac.clone())),
                None => {}
            }
        } else if let Some(to) = line.strip_prefix("eth.dst = ").and_then(|rest| rest.strip_suffix(';')) {
            mac = to.to_owned();
        } else if own && REPLIES.contains(&line) {
            trace.answered = true;
        } else if line == ANSWERED {
            trace.asks |= !own;
        } else if line.ends_with('{') {
            blocks.push((OTHERS.iter().any(|other| line.starts_with(other)), mac.clone()));
        } else if line.starts_with('}')
            && let Some((_, before)) = blocks.pop()
        {
            mac = before;
        }
    }
    trace.text = text;
    trace
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_of_the_frame_and_of_questions_for_it() {
        let check = |text: &str, ports: &[&str], outside: &[&str]| {
            let trace = read(text.to_owned(), "m");
            let seen: Vec<_> = trace.ports.iter().map(|(port, mac)| format!("{port} {mac}")).collect();
            let networks: Vec<_> = trace.outside.iter().map(|n| n.as_str()).collect();
            assert_eq!(
                (seen.iter().map(String::as_str).collect::<Vec<_>>().as_slice(), networks.as_slice()),
                (ports, outside),
                "{text}"
            );
        };
        check("ct_next(ct_state=new|trk) {\n    output(\"a\");\n};\n", &["a m"], &[]);
        check("clone {\n    eth.dst = x;\n    output(\"a\");\n};\noutput(\"b\");", &["a x", "b m"], &[]);
        check("ip.ttl--;\narp {\n    output(\"a\");\n};\n", &[], &[]);
        check("arp {\n    output(\"localnet-n\");\n};\n", &[], &["n"]);
        check("output(\"localnet-n\");", &[], &["n"]);
        check("drop;", &[], &[]);
        assert!(read("arp {\n    arp.op = 2;\n};".into(), "m").asks);
    }
}

//! `tstack net why A B [WHAT]`: what people write, as a question to [`network::why`].
//!
//! An end is a server (name or id), a port (id) or an address. An address that is none of ours is somebody outside. A server
//! with several ports is asked about by the port that reaches, or by its first.

use crate::services::Services;
use compute::model::Server;
use kernel::{Error, PortId, Result};
use network::{
    model::Port,
    why::{self, Agreement, Answer, Arrival, Origin, Plan, Question, What},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::net::IpAddr;
use store::Snapshot;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    from: String,
    to: String,
    /// `tcp/22`, `udp/53`, `ping`, or the number of an IP protocol.
    #[serde(default = "ping")]
    what: String,
    /// Asks the back end too.
    #[serde(default)]
    prove: bool,
}

fn ping() -> String {
    "ping".to_owned()
}

/// One end, as it was found.
enum End {
    Ports(Vec<PortId>),
    Address(IpAddr),
}

pub async fn ask(services: &Services, asked: Asked) -> Result<Value> {
    let snapshot = services.store.snapshot();
    let plan = services.network.data_plane();
    let what = read_what(&asked.what)?;
    let (from, to) = (end(&snapshot, &asked.from)?, end(&snapshot, &asked.to)?);
    let answered = questions(&plan, &from, &to, what)?.into_iter().map(|question| {
        let answer = why::why(&plan, &question);
        (reaches(&plan, &question, &answer), question, answer)
    });
    // The first of those that reach, or the first of all.
    let best = answered.reduce(|best, next| if !best.0 && next.0 { next } else { best });
    let (reaches, question, answer) =
        best.ok_or_else(|| Error::conflict("the ends have no addresses of one family"))?;
    let proof = if asked.prove { Some(prove(services, &plan, &question, &answer).await?) } else { None };
    Ok(json!({
        "from": asked.from, "to": question.to, "what": what.to_string(), "source": answer.source,
        "reaches": reaches, "arrives": answer.arrives, "steps": answer.steps, "proof": proof,
    }))
}

fn read_what(text: &str) -> Result<What> {
    let wrong =
        || Error::bad_request(format!("{text} is none of ping, tcp/PORT, udp/PORT, and the number of a protocol"));
    let number = |port: &str| port.parse().map_err(|_| wrong());
    match text.split_once('/') {
        Some(("tcp", port)) => Ok(What::Tcp(number(port)?)),
        Some(("udp", port)) => Ok(What::Udp(number(port)?)),
        None if matches!(text, "ping" | "icmp") => Ok(What::Ping),
        None => text.parse().map(What::Other).map_err(|_| wrong()),
        Some(_) => Err(wrong()),
    }
}

fn end(snapshot: &Snapshot, text: &str) -> Result<End> {
    if let Ok(address) = text.parse() {
        return Ok(End::Address(address));
    }
    if snapshot.get::<Port>(text).is_some() {
        return Ok(End::Ports(vec![text.into()]));
    }
    let named: Vec<_> = snapshot.all::<Server>().filter(|s| s.name == text || s.id == *text).collect();
    let server = match named.as_slice() {
        [server] => server,
        [] => return Err(Error::not_found(format!("{text} is neither an address nor the id of a port nor a server"))),
        many => return Err(Error::conflict(format!("{} servers have the name {text}; take an id", many.len()))),
    };
    let mut ports: Vec<_> = snapshot.all::<Port>().filter(|p| p.device_id == server.id.as_str()).collect();
    ports.sort_by_key(|p| p.standard.created);
    match ports.is_empty() {
        true => Err(Error::conflict(format!("server {text} has no port"))),
        false => Ok(End::Ports(ports.iter().map(|p| p.id.clone()).collect())),
    }
}

/// Every way of asking: one for each port of either end.
fn questions(plan: &Plan, from: &End, to: &End, what: What) -> Result<Vec<Question>> {
    let targets: Vec<IpAddr> = match to {
        End::Address(address) => vec![*address],
        End::Ports(ports) => {
            ports.iter().flat_map(|p| [false, true].into_iter().filter_map(|v6| plan.address_of(p, v6))).collect()
        }
    };
    let mut all = Vec::new();
    for to in targets {
        all.extend(origins(plan, from, to)?.into_iter().map(|from| Question { from, to, what }));
    }
    Ok(all)
}

fn origins(plan: &Plan, from: &End, to: IpAddr) -> Result<Vec<Origin>> {
    let ports: Vec<PortId> = match from {
        End::Ports(ports) => ports.clone(),
        End::Address(address) => plan.ports_of(*address).into_iter().cloned().collect(),
    };
    if let (End::Address(address), true) = (from, ports.is_empty()) {
        let network = plan.outside_of(*address).cloned();
        let network = network.ok_or_else(|| Error::conflict(format!("there is no outside for {address} to be in")))?;
        return Ok(vec![Origin::Outside { network, address: *address }]);
    }
    let speaks = |port: &PortId| plan.address_of(port, to.is_ipv6()).is_some();
    Ok(ports.into_iter().filter(speaks).map(Origin::Port).collect())
}

/// Whether it arrives where it was meant to.
fn reaches(plan: &Plan, question: &Question, answer: &Answer) -> bool {
    let ours = plan.ports_of(question.to);
    match &answer.arrives {
        Arrival::Port(port) => ours.contains(&port),
        Arrival::Router(_) => true,
        Arrival::Outside(_) => ours.is_empty(),
        Arrival::Stopped => false,
    }
}

async fn prove(services: &Services, plan: &Plan, question: &Question, answer: &Answer) -> Result<Value> {
    let Some(frame) = why::frame(plan, question, answer) else {
        return Ok(json!({"agreement": Agreement::Same, "text": "nothing is sent, so there is nothing to trace"}));
    };
    match services.network.backend().trace(&frame).await? {
        Some(trace) => Ok(json!({"agreement": trace.compare(plan, answer), "text": trace.text})),
        None => Err(Error::conflict(format!("network back end {} cannot tell", services.network.backend().name()))),
    }
}

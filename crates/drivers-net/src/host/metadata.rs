//! The metadata service of the networks that have guests on this host.
//!
//! Each network gets a namespace with one device, the network's metadata port, which OVN treats as present on every host
//! (`localport`): a guest's request never leaves its host. Tenants' addresses may be the same in two networks; a namespace
//! a network keeps them apart, and tells us which network a request came from.
//!
//! ```text
//!   guest ── switch ── <prefix>m… ═veth═ md0 in <prefix>-md-<network>: 169.254.169.254, fe80::a9fe:a9fe, port 80 ── handler
//! ```
//!
//! The listening socket is made inside the namespace and served by this process's ordinary tasks. Namespaces and ports
//! outlive this process; `serve` takes away those that are not in its list, whoever made them.

use super::switch::{PortSpec, Switch};
use crate::{
    link::{self, Link, Owner},
    netns::{self, Netns},
    ovn::METADATA_ADDRESS,
    system::HostNetConfig,
};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{ConnectInfo, Request},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use ipnet::IpNet;
use kernel::{Error, NetworkId, Result, error::Doing};
use network::driver::{MetadataHandler, MetadataRequest, MetadataSpec};
use parking_lot::RwLock;
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
    sync::Arc,
};
use tokio::{sync::Mutex, task::JoinHandle};

const DEVICE: &str = "md0";
const PORT: u16 = 80;
/// cloud-init posts phone-home data and passwords; nobody has more to say.
const BODY_LIMIT: usize = 64 << 10;

/// The handler of the last call of `serve`: the listeners look here.
type Handler = Arc<RwLock<Arc<dyn MetadataHandler>>>;

pub struct Metadata {
    host: Netns,
    bridge: String,
    prefix: String,
    namespaces: String,
    switch: Switch,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    handler: Option<Handler>,
    serving: BTreeMap<NetworkId, Serving>,
}

struct Serving {
    spec: MetadataSpec,
    listener: JoinHandle<()>,
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

impl Metadata {
    pub fn new(config: &HostNetConfig, switch: Switch) -> Self {
        let (host, bridge, prefix) = (config.netns(), config.integration_bridge(), config.prefix.clone());
        Self { host, bridge, prefix, namespaces: config.metadata_namespaces(), switch, state: Mutex::default() }
    }

    pub async fn serve(&self, wanted: &[MetadataSpec], handler: Arc<dyn MetadataHandler>) -> Result<()> {
        let mut state = self.state.lock().await;
        let handler = match &state.handler {
            Some(shared) => {
                *shared.write() = handler;
                shared.clone()
            }
            None => state.handler.insert(Arc::new(RwLock::new(handler))).clone(),
        };
        state.serving.retain(|network, _| wanted.iter().any(|spec| spec.network == *network));
        let links = self.remove_others(wanted).await?;
        for spec in wanted {
            let current = state.serving.get(&spec.network);
            if current.is_some_and(|s| s.spec == *spec && !s.listener.is_finished())
                && self.stands(&spec.network, &links)
            {
                continue;
            }
            state.serving.remove(&spec.network);
            self.connect(spec).await?;
            let listener = self.listen(spec, handler.clone()).await?;
            state.serving.insert(spec.network.clone(), Serving { spec: spec.clone(), listener });
        }
        Ok(())
    }

    pub async fn networks(&self) -> Vec<NetworkId> {
        let state = self.state.lock().await;
        state.serving.iter().filter(|(_, s)| !s.listener.is_finished()).map(|(id, _)| id.clone()).collect()
    }

    fn namespace(&self, network: &NetworkId) -> String {
        format!("{}{network}", self.namespaces)
    }

    /// The host's end of the pair.
    fn device(&self, network: &NetworkId) -> String {
        let hash = crate::ovn::short_hash(network.as_str());
        format!("{}m{}", self.prefix, &hash[..9])
    }

    /// What `connect` made is still there.
    fn stands(&self, network: &NetworkId, links: &[Link]) -> bool {
        let device = self.device(network);
        let link = links.iter().find(|l| l.ifname == device);
        let port = self.switch.port(&device);
        netns::exists(&self.namespace(network)) && link.zip(port).is_some_and(|(link, port)| port.holds(link))
    }

    /// Takes away namespaces, ports and devices of networks that are not to be served. Answers the host's devices.
    async fn remove_others(&self, wanted: &[MetadataSpec]) -> Result<Vec<Link>> {
        self.switch.ready().await?;
        let is_wanted = |network: &NetworkId| wanted.iter().any(|spec| spec.network == *network);
        let other = |owner: &Owner| matches!(owner, Owner::Metadata(network) if !is_wanted(network));
        for port in self.switch.ports().into_iter().filter(|p| other(&p.owner)) {
            self.switch.delete_port(&port.device).await?;
        }
        let links = link::list(&self.host).await?;
        for device in links.iter().filter(|l| other(&l.owner())) {
            link::delete(&self.host, &device.ifname).await?;
        }
        for name in netns::list(&self.namespaces) {
            if !wanted.iter().any(|spec| self.namespace(&spec.network) == name) {
                netns::remove(&name).await?;
            }
        }
        Ok(links)
    }

    /// Makes the namespace, the pair of devices with their addresses, and the port.
    async fn connect(&self, spec: &MetadataSpec) -> Result<()> {
        let (name, device) = (self.namespace(&spec.network), self.device(&spec.network));
        if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) {
            return Err(Error::bad_request(format!("no namespace can be named after the network {}", spec.network)));
        }
        let owner = Owner::Metadata(spec.network.clone());
        netns::ensure(&name).await?;
        let inside = Netns::named(&name);
        if !(link::exists(&inside, DEVICE).await? && link::exists(&self.host, &device).await?) {
            // A device that goes away together with its peer is let go of first.
            self.switch.delete_port(&device).await?;
            link::delete(&self.host, &device).await?;
            self.host.ip(&[format!("link add {device} type veth peer name {DEVICE} netns {name}")]).await?;
        }
        let alias = format!("link set dev {device} alias {}", owner.alias());
        self.host.ip(&[alias, format!("link set dev {device} mtu {} up", spec.mtu)]).await?;
        link::no_checksum_offload(&self.host, &device).await?;
        link::no_checksum_offload(&inside, DEVICE).await?;
        address(&inside, spec).await?;
        let (iface_id, mac, bridge) = (Some(spec.port.to_string()), Some(spec.mac.clone()), self.bridge.clone());
        let link = link::find(&self.host, &device).await?;
        let ifindex = link.as_ref().map(|l| l.ifindex);
        if let (Some(link), Some(port)) = (&link, self.switch.port(&device))
            && !port.holds(link)
        {
            self.switch.delete_port(&device).await?;
        }
        self.switch.add_port(&PortSpec { device, bridge, iface_id, mac, owner, ifindex }).await
    }

    async fn listen(&self, spec: &MetadataSpec, handler: Handler) -> Result<JoinHandle<()>> {
        let socket = Netns::named(self.namespace(&spec.network)).run(bind).await?;
        let doing = format!("listening for metadata requests of the network {}", spec.network);
        let listener = tokio::net::TcpListener::from_std(socket.doing(&doing)?).doing(&doing)?;
        let router = router(spec.network.clone(), handler);
        Ok(tokio::spawn(async move {
            let serving = axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>());
            if let Err(error) = serving.await {
                tracing::warn!(%error, doing);
            }
        }))
    }
}

/// IPv6 takes IPv4 along, where the kernel has it at all.
fn bind() -> std::io::Result<TcpListener> {
    let both = TcpListener::bind((Ipv6Addr::UNSPECIFIED, PORT));
    let socket = both.or_else(|_| TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

async fn address(inside: &Netns, spec: &MetadataSpec) -> Result<()> {
    let (v4, v6): (Vec<&IpNet>, Vec<&IpNet>) = spec.addresses.iter().partition(|a| a.addr().is_ipv4());
    let mut lines = vec![
        format!("link set dev {DEVICE} address {} mtu {} up", spec.mac, spec.mtu),
        format!("address flush dev {DEVICE}"),
        format!("address replace {METADATA_ADDRESS}/32 dev {DEVICE}"),
    ];
    lines.extend(v4.iter().map(|a| format!("address replace {}/{} dev {DEVICE}", a.addr(), a.prefix_len())));
    // Every guest of the network is on this link, whatever its address.
    lines.push(format!("route replace default dev {DEVICE}"));
    inside.ip(&lines).await?;
    // A kernel without IPv6 serves IPv4.
    let _ = inside.set_sysctl(&format!("net/ipv6/conf/{DEVICE}/accept_ra"), "0").await;
    let mut lines = vec![format!("address replace fe80::a9fe:a9fe/64 dev {DEVICE} nodad")];
    lines.extend(v6.iter().map(|a| format!("address replace {}/{} dev {DEVICE} nodad", a.addr(), a.prefix_len())));
    lines.push(format!("route replace ::/0 dev {DEVICE}"));
    inside.ip_forced(&lines).await;
    Ok(())
}

fn router(network: NetworkId, handler: Handler) -> Router {
    Router::new().fallback(move |ConnectInfo(from): ConnectInfo<SocketAddr>, request: Request| {
        let (network, handler) = (network.clone(), handler.read().clone());
        async move { answer(network, from, request, handler).await }
    })
}

async fn answer(network: NetworkId, from: SocketAddr, request: Request, handler: Arc<dyn MetadataHandler>) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let text = |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let request = MetadataRequest {
        network,
        // The guest's IPv4 address, not its image in IPv6.
        from: SocketAddr::new(from.ip().to_canonical(), from.port()),
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string),
        headers: parts.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect(),
        body: body.to_vec(),
    };
    let response = handler.answer(request).await;
    let status = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(CONTENT_TYPE, response.content_type)], Body::from(response.body)).into_response()
}

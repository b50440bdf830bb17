//! Names to addresses, as the system has it, and of those only such as may be connected to: judged at the moment of connecting,
//! so a name cannot be one thing when it is looked at and another when it is used.

use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use std::{
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    task::{Context, Poll},
    vec,
};
use tower::Service;

#[derive(Clone)]
pub(super) struct Resolver {
    system: GaiResolver,
    allowed: Option<fn(IpAddr) -> bool>,
}

impl Resolver {
    pub(super) fn new(allowed: Option<fn(IpAddr) -> bool>) -> Self {
        Self { system: GaiResolver::new(), allowed }
    }
}

impl Service<Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.system.poll_ready(cx)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (found, allowed) = (self.system.call(name), self.allowed);
        Box::pin(async move {
            let all = found.await?;
            let kept: Vec<_> = all.filter(|a| allowed.is_none_or(|allowed| allowed(a.ip()))).collect();
            if kept.is_empty() {
                let text = "none of the name's addresses may be connected to";
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
            }
            Ok(kept.into_iter())
        })
    }
}

use crate::{
    Compute, ComputeError,
    error::invalid,
    model::{ConsoleToken, ConsoleType, Server, ServerState},
    ops::servers::{Target, on_host},
};
use kernel::{Ctx, Result, ids::uuid_dashed};

impl Compute {
    /// What a console's token is good for; `None` if it is unknown, over, or of a server that is gone or elsewhere by now.
    pub fn console(&self, token: &str) -> Option<ConsoleToken> {
        let snapshot = self.store.snapshot();
        let found = snapshot.get::<ConsoleToken>(token).filter(|t| t.expires > self.clock.now())?;
        let there = snapshot.get::<Server>(&found.server).is_some_and(|s| s.host.as_ref() == Some(&found.host));
        there.then(|| ConsoleToken::clone(&found))
    }
}

/// What consoles' addresses begin with; `base`: where the client reached us.
pub(super) fn base_of<'a>(c: &'a Compute, base: &'a str) -> &'a str {
    let configured = c.config.console_base.trim_end_matches('/');
    if configured.is_empty() { base } else { configured }
}

/// Makes an address under which a server's screen can be seen for a while.
pub(crate) async fn remote(c: &Compute, cx: &Ctx, server: &Target, kind: &str, base: &str) -> Result<String> {
    on_host(server)?;
    let kind = ConsoleType::parse(kind).ok_or_else(|| invalid(format!("Unavailable console type {kind}.")))?;
    if server.state == ServerState::Building {
        return Err(ComputeError::Conflict("Instance not yet ready".into()).into());
    }
    let host = server.host.clone().ok_or_else(|| ComputeError::NotReady(server.id.clone()))?;
    let token = ConsoleToken {
        token: uuid_dashed().to_string(),
        server: server.id.clone(),
        user: cx.credentials.user.clone(),
        host,
        kind,
        expires: cx.now().plus(c.console_ttl()),
    };
    let url = format!("{}/console/vnc?token={}", base_of(c, base), token.token);
    c.store
        .transact("compute.console.create", move |tx| {
            tx.put(token.clone());
            Ok(())
        })
        .await?;
    Ok(url)
}

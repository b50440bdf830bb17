//! Placement alone on loopback with an empty store in memory, for suites that bring their own world (docs/placement.md).
//!
//! A token says itself whom it stands for: `PROJECT:ROLE,ROLE`, or `:ROLE` for the whole system. The only argument is the port; with
//! `open` after it every rule allows everybody.

use async_trait::async_trait;
use http::testkit::{Tokens, deps, member_of};
use kernel::{Credentials, Error, Result, Scope, TokenValidator};
use placement::{Placement, api::router, schema};
use policy::Policies;
use std::{fmt::Write, net::TcpListener, sync::Arc};
use store::{Schema, Store};

struct Telling;

#[async_trait]
impl TokenValidator for Telling {
    async fn validate(&self, token: &str) -> Result<Arc<Credentials>> {
        let (project, roles) = token.split_once(':').ok_or_else(|| Error::unauthorized("a token is PROJECT:ROLES"))?;
        let roles: Vec<&str> = roles.split(',').collect();
        let mut credentials = member_of(project, "somebody", &roles);
        if project.is_empty() {
            credentials.scope = Scope::System;
        }
        Ok(Arc::new(credentials))
    }
}

fn policies(open: bool) -> Arc<Policies> {
    let policy = &placement::policy::POLICY;
    let policies = Policies::new(&[policy]).expect("the rules are well-formed");
    if open {
        let rules = policy.rules.iter().copied().flatten();
        let text = rules.fold(String::new(), |mut text, rule| {
            let _ = writeln!(text, "\"{}\": \"@\"", rule.name);
            text
        });
        policies.load(policy.service, &text).expect("the overrides are well-formed");
    }
    policies
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let port = args.next().and_then(|port| port.parse().ok()).expect("the port to listen on");
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("a free port");
    let store = Store::in_memory(schema(Schema::new())).await;
    let mut deps = deps(Tokens::default(), policies(args.next().as_deref() == Some("open")));
    deps.tokens = Arc::new(Telling);
    http::serve_listener(listener, router(Placement { store }, deps), std::future::pending()).await?;
    Ok(())
}

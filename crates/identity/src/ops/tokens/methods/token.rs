//! By a token there is already.

use super::Proven;
use crate::{
    Identity, Refusal,
    model::token::{Method, ScopeId},
    ops::tokens::{login::TokenLogin, lookup, scope::Asked, show::absent},
};
use kernel::Result;
use std::{sync::Arc, time::Duration};

pub(super) fn prove(id: &Identity, login: Option<&TokenLogin>, asked: &Asked) -> Result<Proven> {
    let login = login.ok_or(Refusal::Missing { attribute: "token", target: "identity" })?;
    let token = &lookup(id, &login.id, Duration::ZERO).map_err(absent)?.token;
    let payload = &token.payload;
    if payload.lender.is_some() || payload.methods.iter().any(|m| m.is_delegation()) {
        return Err(Refusal::Action("Using a delegated token to create another token is not allowed.").into());
    }
    let elsewhere = matches!(asked, Asked::Project(_) | Asked::Domain(_));
    if payload.scope == ScopeId::System && elsewhere {
        let text = "Using a system-scoped token to create a project-scoped or domain-scoped token is not allowed.";
        return Err(Refusal::Action(text).into());
    }
    if !id.config().tokens.allow_rescope && payload.scope != ScopeId::Unscoped {
        return Err(Refusal::Action("rescope a scoped token").into());
    }
    Ok(Proven {
        user: Arc::clone(&token.user),
        methods: [Method::Token].into_iter().chain(payload.methods.iter().copied()).collect(),
        expires: Some(payload.expires),
        chain: payload.audit_ids.last().cloned(),
        lent: None,
        own_scope: None,
    })
}

use super::usable;
use crate::{
    Identity, Refusal,
    model::{RequestToken, Target, effective, oauth1::Authorized, role, token::Method},
    ops::audit::Note,
    policy::{Authorize, oauth1::AUTHORIZE_REQUEST_TOKEN},
};
use kernel::{Ctx, Result, RoleId};
use rand::Rng;
use serde::Deserialize;
use std::collections::BTreeSet;
use store::Snapshot;

#[derive(Deserialize)]
pub struct RoleRef {
    pub id: Option<RoleId>,
    pub name: Option<String>,
}

/// The user who asks lends the consumer these roles on the project that it asked for. Answers what the user must tell it.
pub async fn authorize(id: &Identity, cx: &Ctx, token_id: &str, roles: &[RoleRef]) -> Result<String> {
    let permit = cx.authorize(&AUTHORIZE_REQUEST_TOKEN, &())?;
    let who = &cx.credentials;
    if who.trust.is_some() || who.methods.iter().filter_map(|m| Method::named(m)).any(Method::is_delegation) {
        let text = "Cannot authorize a request token with a token issued via delegation.";
        return Err(Refusal::forbidden(text).into());
    }
    let view = id.view();
    let token = usable(view.get::<RequestToken>(token_id), id.now())?;
    let roles = named(&view, roles)?;
    let own = effective::role_ids_on(&view, &who.user, &Target::Project(token.project.clone()));
    if !roles.is_subset(&own) {
        return Err(Refusal::Unauthorized("the authorizing user does not have a role that is asked for").into());
    }
    let authorized =
        Authorized { user: who.user.clone(), roles: roles.into_iter().collect(), verifier: fresh_verifier() };
    let (note, this, token_id, verifier) = (Note::of(cx), id.clone(), token_id.to_owned(), authorized.verifier.clone());
    id.write(permit, "identity.request_token.authorize", move |tx| {
        let token = usable(tx.get::<RequestToken>(&token_id), this.now())?;
        tx.put(RequestToken { authorized: Some(authorized.clone()), ..RequestToken::clone(&token) });
        note.updated(tx, "OS-OAUTH1:request_token", &token_id)
    })
    .await?;
    Ok(verifier)
}

fn named(view: &Snapshot, roles: &[RoleRef]) -> Result<BTreeSet<RoleId>> {
    let find = |wanted: &RoleRef| match wanted {
        RoleRef { id: Some(id), .. } => Ok(id.clone()),
        RoleRef { name: Some(name), .. } => {
            let found = role::named(view, name).ok_or_else(|| Refusal::not_found("role", name.as_str()))?;
            Ok(found.id.clone())
        }
        RoleRef { id: None, name: None } => Err(Refusal::invalid("a role needs an id or a name").into()),
    };
    roles.iter().map(find).collect()
}

/// Eight characters that people can copy from one screen to another.
fn fresh_verifier() -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
    let mut rng = rand::rng();
    (0..8).map(|_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())])).collect()
}

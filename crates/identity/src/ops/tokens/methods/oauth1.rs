//! By a request signed with an OAuth access token.

use super::{Lent, Proven, user_by_id};
use crate::{
    Identity, Refusal,
    model::{
        AccessToken, Consumer,
        token::{Lender, Method, ScopeId},
    },
    ops::{
        audit::Note,
        oauth1::{Signed, verify},
    },
};
use kernel::{Kind, Result};
use store::Tx;

pub(super) async fn prove(id: &Identity, request: &Signed, note: &Note) -> Result<Proven> {
    let view = id.view();
    let wanted = request.param("oauth_token");
    let wanted = wanted.ok_or(Refusal::Missing { attribute: "oauth_token", target: "request" })?;
    let unauthorized = Refusal::Unauthorized;
    let token = view.get::<AccessToken>(wanted).ok_or(unauthorized("no such access token"))?;
    if token.expires.is_some_and(|at| id.now() >= at) {
        return Err(unauthorized("the access token is expired").into());
    }
    let consumer = view.get::<Consumer>(&token.consumer).ok_or(unauthorized("the consumer is gone"))?;
    let fresh = verify(id, request, &consumer, Some(&token.secret)).map_err(|error| match error.kind() {
        Kind::BadRequest => unauthorized("no signed request").into(),
        _ => error,
    })?;
    let inactive_days = id.config().passwords.disable_after_inactive_days;
    let user = user_by_id(&view, &token.user).filter(|u| u.active(inactive_days, id.now()));
    let user = user.ok_or(unauthorized("the authorizing user is gone or disabled"))?;
    let (note, who) = (note.clone(), user.id.clone());
    let login = move |tx: &mut Tx| {
        fresh.spend(tx)?;
        note.login(tx, &who, "success", None)
    };
    id.store().transact("identity.login", login).await?;
    let lent = Lent {
        by: Lender::AccessToken(token.id.clone()),
        scope: ScopeId::Project(token.project.clone()),
        expires: token.expires,
    };
    Ok(Proven { lent: Some(lent), ..Proven::of(user, Method::Oauth1) })
}

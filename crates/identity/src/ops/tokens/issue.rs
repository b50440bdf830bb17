//! A token for who proves to be somebody.

use super::{
    Auth, Moment, Receipt, Token, Void,
    cache::{Entry, TokenCache},
    methods::{Around, Lent, Proven, prove},
    receipts, resolve,
    scope::{Asked, Scope, trust_of},
    text,
};
use crate::{
    Identity, Refusal,
    model::{
        Trust,
        token::{Lender, Payload, ScopeId, audit_id},
    },
};
use kernel::{Error, Result, Timestamp};
use rand::RngCore;
use std::sync::Arc;

pub struct Issued {
    /// The text that clients send.
    pub sealed: String,
    pub token: Token,
}

/// What a login leads to.
pub enum Outcome {
    Token(Box<Issued>),
    /// Right so far, but the user's rules ask for more methods.
    More(Box<Receipt>),
}

/// `receipt`: what an earlier login got that was right so far.
pub async fn issue(id: &Identity, mut auth: Auth, receipt: Option<&str>, around: Around<'_>) -> Result<Outcome> {
    let asked = Scope::read(auth.scope.take())?;
    let mut proven = prove(id, &auth, &asked, &around).await?;
    receipts::add(id, &mut proven, receipt)?;
    if let Some(missing) = receipts::missing(&proven) {
        return Ok(Outcome::More(Box::new(receipts::make(id, &proven, missing)?)));
    }
    let issued = mint(id, proven, &asked, around.note.at())?;
    use_up(id, &issued.token).await?;
    Ok(Outcome::Token(Box::new(issued)))
}

/// Makes the token, if there is any role for it. It counts as issued when the request came in (`since`): a password changed
/// while it was being verified ends this token too, as the change is dated by its own transaction.
pub(crate) fn mint(id: &Identity, mut proven: Proven, asked: &Asked, since: Timestamp) -> Result<Issued> {
    let (view, now) = (id.view(), id.now());
    if let Asked::Trust(wanted) = asked {
        let trust = trust_of(&view, wanted, &proven.user, now)?;
        let scope = trust.project.clone().map_or(ScopeId::Unscoped, ScopeId::Project);
        proven.lent = Some(Lent { by: Lender::Trust(trust.id.clone()), scope, expires: trust.expires });
    }
    let scope = match (&proven.lent, &proven.own_scope) {
        (Some(Lent { scope, .. }), _) | (None, Some(scope)) => scope.clone(),
        (None, None) => asked.settle(&view, &proven.user)?,
    };
    let mut methods = proven.methods;
    methods.sort_unstable();
    methods.dedup();
    let mut octets = [0; 16];
    rand::rng().fill_bytes(&mut octets);
    let lifetime = Timestamp::from_secs(now.secs()).plus(id.config().token_lifetime());
    let ends = [proven.expires.or(Some(lifetime)), proven.lent.as_ref().and_then(|lent| lent.expires)];
    let payload = Arc::new(Payload {
        user: proven.user.id.clone(),
        methods,
        issued: since,
        expires: ends.into_iter().flatten().min().unwrap_or(lifetime),
        scope,
        audit_ids: [audit_id(octets)].into_iter().chain(proven.chain).collect(),
        lender: proven.lent.map(|lent| lent.by),
    });
    let sealed = text::write(id, &view, &payload)?;
    let at = Moment { now, inactive_days: id.config().passwords.disable_after_inactive_days };
    let token = resolve(&view, Arc::clone(&payload), at).map_err(|why| refusal(&payload, why))?;
    let entry = Entry::new(payload, token.clone(), &view);
    id.tokens().put(TokenCache::hash(&sealed), Arc::new(entry));
    Ok(Issued { sealed, token })
}

/// Who was lent something is told why it is not good any more, as in Keystone.
fn refusal(payload: &Payload, Void(why): Void) -> Error {
    match payload.lender {
        Some(Lender::Trust(_) | Lender::AccessToken(_)) => {
            Refusal::forbidden(format!("Delegation refused: {why}.")).into()
        }
        _ => Refusal::Unauthorized(why).into(),
    }
}

/// A trust that may be used so often is used once more, if the token could be made; two logins at once cannot share a use.
async fn use_up(id: &Identity, token: &Token) -> Result<()> {
    let super::Loan::Trust(trust) = &token.loan else { return Ok(()) };
    if trust.remaining_uses.is_none() {
        return Ok(());
    }
    let trust_id = trust.id.clone();
    id.store()
        .transact("identity.trust.use", move |tx| {
            let trust = tx.get::<Trust>(&trust_id).ok_or(Refusal::Unauthorized("the trust is gone"))?;
            match trust.remaining_uses {
                None => Ok(()),
                Some(0) => Err(Refusal::forbidden("No remaining uses for trust.").into()),
                Some(left) => {
                    tx.put(Trust { remaining_uses: Some(left - 1), ..Trust::clone(&trust) });
                    Ok(())
                }
            }
        })
        .await
}

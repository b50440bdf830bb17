//! How a user proves who it is: a file per method.

mod app_cred;
mod oauth1;
mod password;
mod token;
mod totp;

use super::{
    login::{Auth, UserRef},
    resolve::enabled_domain,
    scope::{Asked, domain},
};
use crate::{
    Identity, Refusal,
    model::{
        User,
        token::{Lender, Method, ScopeId},
        user,
    },
    ops::{audit::Note, oauth1::Signed},
};
use kernel::{Kind, Result, Timestamp};
use std::sync::Arc;
use store::Snapshot;

/// Whom the methods have shown, and what limits the token they get.
pub(crate) struct Proven {
    pub user: Arc<User>,
    pub methods: Vec<Method>,
    /// A token from a token ends when that ends.
    pub expires: Option<Timestamp>,
    /// The first token of the chain.
    pub chain: Option<String>,
    pub lent: Option<Lent>,
    /// The only scope of a method that has one without anything being lent.
    pub own_scope: Option<ScopeId>,
}

/// Powers that were lent for one scope.
pub(crate) struct Lent {
    pub by: Lender,
    pub scope: ScopeId,
    pub expires: Option<Timestamp>,
}

impl Proven {
    pub fn of(user: Arc<User>, method: Method) -> Self {
        Self { user, methods: vec![method], expires: None, chain: None, lent: None, own_scope: None }
    }

    /// Two methods must show the same user.
    fn and(mut self, other: Self) -> Result<Self> {
        if self.user.id != other.user.id {
            return Err(Refusal::Unauthorized("the methods prove different users").into());
        }
        self.methods.extend(other.methods);
        self.expires = self.expires.or(other.expires);
        self.chain = self.chain.or(other.chain);
        self.lent = self.lent.or(other.lent);
        Ok(self)
    }
}

/// What a login came with beside its body.
pub struct Around<'a> {
    pub note: &'a Note,
    /// The request, for those who signed it.
    pub signed: &'a Signed,
}

/// Every method that the body names, one after the other.
pub(super) async fn prove(id: &Identity, auth: &Auth, asked: &Asked, around: &Around<'_>) -> Result<Proven> {
    let methods = named(auth)?;
    if methods.contains(&Method::ApplicationCredential) && !matches!(asked, Asked::Default) {
        return Err(Refusal::Unauthorized("application credentials cannot request a scope").into());
    }
    let (identity, note) = (&auth.identity, around.note);
    let mut proven: Option<Proven> = None;
    for method in methods {
        let next = match method {
            Method::Password => password::prove(id, identity.password.as_ref(), note).await?,
            Method::Totp => totp::prove(id, identity.totp.as_ref(), note).await?,
            Method::Token => token::prove(id, identity.token.as_ref(), asked)?,
            Method::ApplicationCredential => {
                app_cred::prove(id, identity.application_credential.as_ref(), note).await?
            }
            Method::Oauth1 => oauth1::prove(id, around.signed, note).await?,
            _ => return Err(Refusal::Unauthorized("attempted to authenticate with an unsupported method").into()),
        };
        proven = Some(match proven {
            None => next,
            Some(before) => before.and(next)?,
        });
    }
    proven.ok_or_else(|| Refusal::Unauthorized("no method given").into())
}

/// The methods named, each with its part of the body.
fn named(auth: &Auth) -> Result<Vec<Method>> {
    let mut methods = Vec::new();
    for name in &auth.identity.methods {
        let Some(method) = Method::named(name) else {
            return Err(Refusal::Unauthorized("attempted to authenticate with an unsupported method").into());
        };
        let given = match method {
            Method::Password => auth.identity.password.is_some(),
            Method::Token => auth.identity.token.is_some(),
            Method::ApplicationCredential => auth.identity.application_credential.is_some(),
            Method::Totp => auth.identity.totp.is_some(),
            Method::Oauth1 => auth.identity.oauth1.is_some(),
            _ => true,
        };
        if !given {
            return Err(Refusal::Missing { attribute: method.as_str(), target: "identity" }.into());
        }
        if !methods.contains(&method) {
            methods.push(method);
        }
    }
    Ok(methods)
}

/// A user as named in a body. `Ok(None)`: no such user, which whoever asks must not notice.
fn find_user(view: &Snapshot, wanted: &UserRef) -> Result<Option<Arc<User>>> {
    match wanted {
        UserRef { name: Some(_), domain: None, .. } => {
            Err(Refusal::Missing { attribute: "domain", target: "user" }.into())
        }
        UserRef { name: Some(name), domain: Some(in_domain), .. } => {
            let domain = unless_hidden(domain(view, in_domain))?;
            Ok(domain.and_then(|d| user::named(view, &d.id, name)))
        }
        UserRef { id: Some(id), .. } => Ok(user_by_id(view, id)),
        UserRef { id: None, name: None, .. } => {
            Err(Refusal::Missing { attribute: "id or name", target: "user" }.into())
        }
    }
}

fn user_by_id(view: &Snapshot, id: &str) -> Option<Arc<User>> {
    user::find(view, id).filter(|u| enabled_domain(view, &u.domain).is_ok())
}

/// A domain that is not there is nothing that a stranger should learn; a malformed request is.
fn unless_hidden<T>(found: Result<T>) -> Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is(Kind::Unauthorized) => Ok(None),
        Err(error) => Err(error),
    }
}

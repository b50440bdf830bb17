//! A token for who proves to be somebody.

use super::{
    Auth, Token,
    cache::{Entry, Stamps, TokenCache},
    login::{AppCredLogin, TokenLogin, UserRef},
    lookup, resolve,
    resolve::enabled_domain,
    scope::{Asked, Scope, domain},
    show::absent,
};
use crate::{
    Identity, Refusal,
    model::{
        ApplicationCredential, Purpose, User,
        app_cred::{ApplicationCredentialId, OF_USER},
        token::{Method, Payload, ScopeId, audit_id},
        user,
    },
    ops::{
        audit::Note,
        passwords::{Checked, check},
    },
};
use kernel::{Kind, Result, Timestamp};
use rand::RngCore;
use std::{sync::Arc, time::Duration};
use store::Snapshot;

pub struct Issued {
    /// The text that clients send.
    pub sealed: String,
    pub token: Token,
}

/// Whom the methods have shown, and what limits the token they get.
struct Proven {
    user: Arc<User>,
    methods: Vec<Method>,
    /// A token from a token ends when that ends.
    expires: Option<Timestamp>,
    /// The first token of the chain.
    chain: Option<String>,
    app_cred: Option<Arc<ApplicationCredential>>,
}

pub async fn issue(id: &Identity, auth: Auth, note: Note) -> Result<Issued> {
    let methods = methods(&auth)?;
    if methods.contains(&Method::ApplicationCredential) && auth.scope.is_some() {
        return Err(Refusal::Unauthorized("application credentials cannot request a scope").into());
    }
    let asked = Scope::read(auth.scope)?;
    let mut proven: Option<Proven> = None;
    for method in methods {
        let next = match method {
            Method::Password => {
                by_password(id, auth.identity.password.as_ref().and_then(|p| p.user.as_ref()), &note).await?
            }
            Method::Token => by_token(id, auth.identity.token.as_ref(), &asked)?,
            Method::ApplicationCredential => {
                by_app_cred(id, auth.identity.application_credential.as_ref(), &note).await?
            }
            _ => return Err(Refusal::Unauthorized("attempted to authenticate with an unsupported method").into()),
        };
        proven = Some(match proven {
            None => next,
            Some(before) => before.and(next)?,
        });
    }
    let proven = proven.ok_or(Refusal::Unauthorized("no method given"))?;
    multi_factor(&proven)?;
    mint(id, proven, &asked, note.at())
}

/// The methods named, each with its part of the body.
fn methods(auth: &Auth) -> Result<Vec<Method>> {
    let mut methods = Vec::new();
    for name in &auth.identity.methods {
        let Some(method) = Method::named(name) else {
            return Err(Refusal::Unauthorized("attempted to authenticate with an unsupported method").into());
        };
        let given = match method {
            Method::Password => auth.identity.password.is_some(),
            Method::Token => auth.identity.token.is_some(),
            Method::ApplicationCredential => auth.identity.application_credential.is_some(),
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

impl Proven {
    fn of(user: Arc<User>, method: Method) -> Self {
        Self { user, methods: vec![method], expires: None, chain: None, app_cred: None }
    }

    /// Two methods must show the same user.
    fn and(mut self, other: Self) -> Result<Self> {
        if self.user.id != other.user.id {
            return Err(Refusal::Unauthorized("the methods prove different users").into());
        }
        self.methods.extend(other.methods);
        self.expires = self.expires.or(other.expires);
        self.chain = self.chain.or(other.chain);
        self.app_cred = self.app_cred.or(other.app_cred);
        Ok(self)
    }
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
        UserRef { id: Some(id), .. } => {
            let found = user::find(view, id);
            Ok(found.filter(|u| enabled_domain(view, &u.domain).is_ok()))
        }
        UserRef { id: None, name: None, .. } => {
            Err(Refusal::Missing { attribute: "id or name", target: "user" }.into())
        }
    }
}

/// A domain that is not there is nothing that a stranger should learn; a malformed request is.
fn unless_hidden<T>(found: Result<T>) -> Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is(Kind::Unauthorized) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn by_password(id: &Identity, wanted: Option<&UserRef>, note: &Note) -> Result<Proven> {
    let wanted = wanted.ok_or(Refusal::Missing { attribute: "user", target: "password" })?;
    let user = find_user(&id.view(), wanted)?;
    match check(id, user, wanted.password.as_deref().unwrap_or_default(), note.clone()).await? {
        Checked::Right(user) => Ok(Proven::of(user, Method::Password)),
        Checked::Expired(user) => Err(Refusal::PasswordExpired(user.id.to_string()).into()),
        Checked::Wrong(why) => Err(Refusal::Unauthorized(why).into()),
    }
}

fn by_token(id: &Identity, login: Option<&TokenLogin>, asked: &Asked) -> Result<Proven> {
    let login = login.ok_or(Refusal::Missing { attribute: "token", target: "identity" })?;
    let token = &lookup(id, &login.id, Duration::ZERO).map_err(absent)?.token;
    let payload = &token.payload;
    if payload.app_cred.is_some() || payload.methods.iter().any(|m| m.is_delegation()) {
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
        app_cred: None,
    })
}

async fn by_app_cred(id: &Identity, login: Option<&AppCredLogin>, note: &Note) -> Result<Proven> {
    let login = login.ok_or(Refusal::Missing { attribute: "application_credential", target: "identity" })?;
    let view = id.view();
    let found = find_app_cred(&view, login)?;
    let stored = found.as_ref().map(|a| a.secret_hash.as_str());
    let subject = found.as_ref().map_or("", |a| a.id.as_str());
    let secret = login.secret.as_deref().unwrap_or_default();
    let right = id.passwords().verify(subject, secret, stored).await?;
    let wrong = || Refusal::Unauthorized("invalid application credential or secret");
    let app_cred = found.filter(|a| right && !a.expired(id.now())).ok_or_else(wrong)?;
    let by_id = UserRef { id: Some(app_cred.user.to_string()), name: None, domain: None, password: None };
    let inactive_days = id.config().passwords.disable_after_inactive_days;
    let user = find_user(&view, &by_id)?.filter(|u| u.active(inactive_days, id.now())).ok_or_else(wrong)?;
    let (note, who) = (note.clone(), user.id.clone());
    id.store().transact("identity.login", move |tx| note.login(tx, &who, "success", None)).await?;
    Ok(Proven { app_cred: Some(app_cred), ..Proven::of(user, Method::ApplicationCredential) })
}

fn find_app_cred(view: &Snapshot, login: &AppCredLogin) -> Result<Option<Arc<ApplicationCredential>>> {
    match (login.id.as_deref(), login.name.as_deref(), &login.user) {
        (Some(id), ..) => Ok(view.get::<ApplicationCredential>(id)),
        (None, Some(name), Some(owner)) => {
            let owner = find_user(view, owner)?;
            Ok(owner.and_then(|u| view.by(OF_USER, &u.id).find(|a| a.name == name)))
        }
        (None, Some(_), None) => Err(Refusal::Missing { attribute: "user", target: "application credential" }.into()),
        (None, None, _) => Err(Refusal::Missing { attribute: "name or ID", target: "application credential" }.into()),
    }
}

/// The user's `multi_factor_auth_rules`: all methods of one rule must have been used. Rules of methods that nobody can use
/// here do not count, so that a wrong rule locks nobody out (as in Keystone).
fn multi_factor(proven: &Proven) -> Result<()> {
    let options = &proven.user.options;
    if options.get("multi_factor_auth_enabled") == Some(&false.into()) {
        return Ok(());
    }
    let usable = |name: &serde_json::Value| {
        let method = name.as_str().and_then(Method::named)?;
        matches!(method, Method::Password | Method::Token | Method::ApplicationCredential).then_some(method)
    };
    let rules = options.get("multi_factor_auth_rules").and_then(|r| r.as_array()).into_iter().flatten();
    let rules = rules.filter_map(|rule| rule.as_array()).map(|rule| rule.iter().filter_map(usable).collect::<Vec<_>>());
    let rules: Vec<_> = rules.filter(|rule| !rule.is_empty()).collect();
    if rules.is_empty() || rules.iter().any(|rule| rule.iter().all(|m| proven.methods.contains(m))) {
        return Ok(());
    }
    Err(Refusal::Unauthorized("more authentication methods are needed").into())
}

/// Makes the token, if there is any role for it. It counts as issued when the request came in (`since`): a password changed
/// while it was being verified ends this token too, as the change is dated by its own transaction.
fn mint(id: &Identity, proven: Proven, asked: &Asked, since: Timestamp) -> Result<Issued> {
    let (view, now) = (id.view(), id.now());
    let scope = match &proven.app_cred {
        Some(app_cred) => ScopeId::Project(app_cred.project.clone()),
        None => asked.settle(&view, &proven.user)?,
    };
    let mut methods = proven.methods;
    methods.sort_unstable();
    methods.dedup();
    let mut octets = [0; 16];
    rand::rng().fill_bytes(&mut octets);
    let lifetime = Timestamp::from_secs(now.secs()).plus(id.config().token_lifetime());
    let ends = [proven.expires.or(Some(lifetime)), proven.app_cred.as_ref().and_then(|a| a.expires)];
    let payload = Arc::new(Payload {
        user: proven.user.id.clone(),
        methods,
        issued: since,
        expires: ends.into_iter().flatten().min().unwrap_or(lifetime),
        scope,
        audit_ids: [audit_id(octets)].into_iter().chain(proven.chain).collect(),
        app_cred: proven.app_cred.map(|a| ApplicationCredentialId::from(a.id.as_str())),
    });
    let sealed = id.rings().seal(&view, Purpose::Tokens, &payload.encode())?;
    let inactive_days = id.config().passwords.disable_after_inactive_days;
    let token = resolve(&view, Arc::clone(&payload), inactive_days, now).map_err(|why| Refusal::Unauthorized(why.0))?;
    let entry = Entry::new(payload, token.clone(), Stamps::of(&view));
    id.tokens().put(TokenCache::hash(&sealed), Arc::new(entry));
    Ok(Issued { sealed, token })
}

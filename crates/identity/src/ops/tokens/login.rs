//! What a client sends to prove who it is.

use super::scope::Scope;
use serde::Deserialize;

/// `{"auth": …}` of `POST /v3/auth/tokens`.
#[derive(Deserialize)]
pub struct Auth {
    pub identity: Identity,
    pub scope: Option<Scope>,
}

#[derive(Deserialize)]
pub struct Identity {
    pub methods: Vec<String>,
    pub password: Option<PasswordLogin>,
    pub token: Option<TokenLogin>,
    pub application_credential: Option<AppCredLogin>,
    pub totp: Option<PasswordLogin>,
    /// What it says is in the request's `Authorization` header.
    pub oauth1: Option<serde_json::Value>,
}

#[derive(Deserialize)]
pub struct PasswordLogin {
    pub user: Option<UserRef>,
}

#[derive(Deserialize)]
pub struct UserRef {
    pub id: Option<String>,
    pub name: Option<String>,
    pub domain: Option<DomainRef>,
    pub password: Option<String>,
    /// Of a one-time password.
    pub passcode: Option<String>,
}

#[derive(Deserialize)]
pub struct TokenLogin {
    pub id: String,
}

#[derive(Deserialize)]
pub struct AppCredLogin {
    pub id: Option<String>,
    pub name: Option<String>,
    pub secret: Option<String>,
    pub user: Option<UserRef>,
}

#[derive(Clone, Deserialize)]
pub struct DomainRef {
    pub id: Option<String>,
    pub name: Option<String>,
}

#[derive(Deserialize)]
pub struct ProjectRef {
    pub id: Option<String>,
    pub name: Option<String>,
    pub domain: Option<DomainRef>,
}

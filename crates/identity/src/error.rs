//! Every refusal of this service, in Keystone's words, mapped once to [`kernel::Error`].

use kernel::{Error, Kind};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// 404 `Could not find user: 42.`
    #[error("Could not find {what}: {id}.")]
    NotFound { what: &'static str, id: String },
    /// 404 with words of its own.
    #[error("{0}")]
    Absent(String),
    #[error(
        "Could not find role assignment with role: {role}, user or group: {actor}, project, domain, or system: {target}."
    )]
    AssignmentNotFound { role: String, actor: String, target: String },
    #[error("{prior} does not imply {implied}.")]
    NotImplied { prior: String, implied: String },

    /// 400
    #[error("{0}")]
    Invalid(String),
    #[error(
        "Expecting to find {attribute} in {target}. The server could not comply with the request since it is either \
         malformed or otherwise incorrect. The client is assumed to be in error."
    )]
    Missing { attribute: &'static str, target: &'static str },

    /// 401, and nothing about why: the reason is for the log.
    #[error("The request you have made requires authentication.")]
    Unauthorized(&'static str),
    /// 401 to somebody who has just proved to know the password.
    #[error("The password is expired and needs to be changed for user: {0}.")]
    PasswordExpired(String),

    /// 403 of a policy kind.
    #[error("You are not authorized to perform the requested action: {0}.")]
    Action(&'static str),
    /// 403 whose words give nothing away.
    #[error("{0}")]
    Forbidden(String),
    #[error("Unable to delete immutable {what} resource: `{id}. Set resource option \"immutable\" to false first.")]
    ImmutableDelete { what: &'static str, id: String },
    #[error("Unable to update immutable {what} resource: `{id}. Set resource option \"immutable\" to false first.")]
    ImmutableUpdate { what: &'static str, id: String },

    /// 409
    #[error("Conflict occurred attempting to store {what} - {details}.")]
    Conflict { what: &'static str, details: String },
}

impl Refusal {
    pub fn not_found(what: &'static str, id: impl Into<String>) -> Self {
        Self::NotFound { what, id: id.into() }
    }
    pub fn invalid(text: impl Into<String>) -> Self {
        Self::Invalid(text.into())
    }
    pub fn forbidden(text: impl Into<String>) -> Self {
        Self::Forbidden(text.into())
    }
    pub fn conflict(what: &'static str, details: impl Into<String>) -> Self {
        Self::Conflict { what, details: details.into() }
    }
    /// As Keystone words a name that is taken.
    pub fn name_taken(what: &'static str, name: &str) -> Self {
        Self::conflict(what, format!("Duplicate entry found with name {name}"))
    }

    fn kind(&self) -> Kind {
        match self {
            Self::NotFound { .. } | Self::Absent(_) | Self::AssignmentNotFound { .. } | Self::NotImplied { .. } => {
                Kind::NotFound
            }
            Self::Invalid(_) | Self::Missing { .. } => Kind::BadRequest,
            Self::Unauthorized(_) | Self::PasswordExpired(_) => Kind::Unauthorized,
            Self::Action(_) | Self::Forbidden(_) | Self::ImmutableDelete { .. } | Self::ImmutableUpdate { .. } => {
                Kind::Forbidden
            }
            Self::Conflict { .. } => Kind::Conflict,
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let error = Self::of(refusal.kind(), refusal.to_string());
        match refusal {
            Refusal::Unauthorized(why) => error.with_internal(why),
            _ => error,
        }
    }
}

//! What compute refuses, in Nova's words, and as which kind.

use kernel::{Error, ServerId};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ComputeError {
    #[error("Instance {0} could not be found.")]
    NoServer(String),
    #[error("Cannot '{action}' instance {server} while it is in {attr} {state}")]
    InvalidState { action: &'static str, server: ServerId, attr: &'static str, state: &'static str },
    #[error("Instance {0} is locked")]
    Locked(ServerId),
    #[error("Instance {0} is not ready")]
    NotReady(ServerId),
    #[error("Flavor {0} could not be found.")]
    NoFlavor(String),
    #[error("Flavor with name {0} already exists.")]
    FlavorNameTaken(String),
    #[error("Flavor with ID {0} already exists.")]
    FlavorIdTaken(String),
    #[error("Flavor access already exists for flavor {flavor} and project {project} combination.")]
    FlavorAccessExists { flavor: String, project: String },
    #[error("Flavor access not found for {flavor} / {project} combination.")]
    NoFlavorAccess { flavor: String, project: String },
    #[error("Flavor {flavor} has no extra specs with key {key}.")]
    NoExtraSpec { flavor: String, key: String },
    #[error("Keypair {name} not found for user {user}")]
    NoKeypair { name: String, user: String },
    #[error("Key pair '{0}' already exists.")]
    KeypairExists(String),
    #[error("Quota exceeded, too many key pairs.")]
    TooManyKeypairs,
    #[error("Keypair data is invalid: {0}")]
    BadKey(String),
    #[error("Aggregate {0} could not be found.")]
    NoAggregate(u64),
    #[error("Aggregate {0} already exists.")]
    AggregateExists(String),
    #[error("Aggregate {0} has no host {1}.")]
    NoHostInAggregate(u64, String),
    #[error("Aggregate {0} already has host {1}.")]
    HostInAggregate(u64, String),
    #[error("{0}")]
    AggregateInvalid(String),
    #[error("Compute host {0} could not be found.")]
    NoComputeHost(String),
    #[error("Service {0} could not be found.")]
    NoService(String),
    #[error("Share {0} could not be found.")]
    NoShare(String),
    #[error("Instance group {0} could not be found.")]
    NoGroup(String),
    #[error("Quota exceeded, too many server groups.")]
    TooManyGroups,
    #[error("Quota exceeded, too many servers in group")]
    TooManyMembers,
    #[error("Volume attachment could not be found: volume {volume} on server {server}")]
    NoAttachment { server: ServerId, volume: String },
    #[error("Port {0} is not attached to server {1}")]
    NoInterface(String, ServerId),
    #[error("Metadata item was not found")]
    NoMetadata,
    #[error("Server {0} has no tag '{1}'")]
    NoTag(ServerId, String),
    #[error("Action for request_id {0} on server {1} not found")]
    NoAction(String, String),
    #[error("{0}")]
    NoMigration(String),
    #[error("Network {0} not found for server {1}")]
    NoNetworkOfServer(String, ServerId),
    #[error("Quota limit exceeded for {0}")]
    OverQuota(String),
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    Conflict(String),
    #[error("{0}")]
    Forbidden(String),
}

impl From<ComputeError> for Error {
    fn from(error: ComputeError) -> Self {
        use ComputeError as C;
        let text = error.to_string();
        match error {
            C::NoServer(_)
            | C::NoFlavor(_)
            | C::NoFlavorAccess { .. }
            | C::NoExtraSpec { .. }
            | C::NoKeypair { .. }
            | C::NoAggregate(_)
            | C::NoHostInAggregate(..)
            | C::NoComputeHost(_)
            | C::NoService(_)
            | C::NoShare(_)
            | C::NoGroup(_)
            | C::NoAttachment { .. }
            | C::NoInterface(..)
            | C::NoMetadata
            | C::NoTag(..)
            | C::NoAction(..)
            | C::NoMigration(_)
            | C::NoNetworkOfServer(..) => Self::not_found(text),
            C::InvalidState { .. }
            | C::Locked(_)
            | C::NotReady(_)
            | C::FlavorNameTaken(_)
            | C::FlavorIdTaken(_)
            | C::FlavorAccessExists { .. }
            | C::KeypairExists(_)
            | C::AggregateExists(_)
            | C::HostInAggregate(..)
            | C::Conflict(_) => Self::conflict(text),
            C::BadKey(_) | C::AggregateInvalid(_) | C::Invalid(_) => Self::bad_request(text),
            C::TooManyKeypairs | C::TooManyGroups | C::TooManyMembers | C::OverQuota(_) => Self::over_quota(text),
            C::Forbidden(_) => Self::forbidden(text),
        }
    }
}

/// `Err(invalid("…"))`: a request that no version of which makes sense.
pub(crate) fn invalid(text: impl Into<String>) -> Error {
    ComputeError::Invalid(text.into()).into()
}

//! What placement refuses, and as which kind; the codes are those its clients know.

use kernel::Error;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlacementError {
    #[error("No resource provider with uuid {0} found")]
    NoProvider(String),
    #[error("No inventory of class {class} for {provider}")]
    NoInventory { provider: String, class: String },
    #[error("No such resource class {0}.")]
    NoResourceClass(String),
    #[error("No such trait(s): {0}.")]
    NoTrait(String),
    #[error("No allocations for consumer '{0}'")]
    NoAllocations(String),
    #[error("The resource could not be found.")]
    NotInThisVersion,
    #[error("The method specified is not allowed for this resource.")]
    NoSuchMethodInThisVersion,
    /// A request that cannot be; the next three have codes of their own.
    #[error("{0}")]
    Bad(String),
    #[error("{0}")]
    BadQuery(String),
    #[error("{0}")]
    MissingQuery(String),
    #[error("{0}")]
    RepeatedQuery(String),
    /// A body that names a provider which is not there.
    #[error("{0}")]
    UnknownProvider(String),
    /// What is there forbids it.
    #[error("{0}")]
    Conflict(String),
    /// Something changed since the client looked.
    #[error("{0}")]
    Changed(String),
    #[error("{0}")]
    InventoryInUse(String),
    #[error("Conflicting resource provider {0} already exists.")]
    Duplicate(String),
    #[error("Unable to delete resource provider {0}: Resource provider has allocations.")]
    ProviderInUse(String),
    #[error("Unable to delete parent resource provider {0}: It has child resource providers.")]
    ProviderIsParent(String),
    /// Nova's words, which users read in a server's fault.
    #[error("No valid host was found. There are not enough hosts available.")]
    NoValidHost,
}

impl From<PlacementError> for Error {
    fn from(error: PlacementError) -> Self {
        use PlacementError as P;
        let text = error.to_string();
        match error {
            P::NoProvider(_)
            | P::NoInventory { .. }
            | P::NoResourceClass(_)
            | P::NoTrait(_)
            | P::NoAllocations(_)
            | P::NotInThisVersion => Self::not_found(text),
            P::NoSuchMethodInThisVersion => Self::of(kernel::Kind::MethodNotAllowed, text),
            P::Bad(_) => Self::bad_request(text),
            P::BadQuery(_) => Self::bad_request(text).with_code("placement.query.bad_value"),
            P::MissingQuery(_) => Self::bad_request(text).with_code("placement.query.missing_value"),
            P::RepeatedQuery(_) => Self::bad_request(text).with_code("placement.query.duplicate_key"),
            P::UnknownProvider(_) => Self::bad_request(text).with_code("placement.resource_provider.not_found"),
            P::Conflict(_) => Self::conflict(text),
            P::Changed(_) => Self::conflict(text).with_code("placement.concurrent_update"),
            P::InventoryInUse(_) => Self::conflict(text).with_code("placement.inventory.inuse"),
            P::Duplicate(_) => Self::conflict(text).with_code("placement.duplicate_name"),
            P::ProviderInUse(_) => Self::conflict(text).with_code("placement.resource_provider.inuse"),
            P::ProviderIsParent(_) => {
                Self::conflict(text).with_code("placement.resource_provider.cannot_delete_parent")
            }
            P::NoValidHost => Self::conflict(text).with_code("NoValidHost"),
        }
    }
}

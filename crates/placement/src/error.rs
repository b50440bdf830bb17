//! What placement refuses, and as which kind; the codes are those its clients know.

use kernel::Error;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlacementError {
    #[error("No resource provider with uuid {0} found")]
    NoProvider(String),
    #[error("No inventory of class {class} found for resource provider {provider}")]
    NoInventory { provider: String, class: String },
    #[error("No such resource class {0}.")]
    NoResourceClass(String),
    #[error("No such trait: {0}")]
    NoTrait(String),
    #[error("{0}")]
    BadQuery(String),
    /// Nova's words, which users read in a server's fault.
    #[error("No valid host was found. There are not enough hosts available.")]
    NoValidHost,
    #[error("The resource could not be found.")]
    NotInThisVersion,
}

impl From<PlacementError> for Error {
    fn from(error: PlacementError) -> Self {
        use PlacementError as P;
        let text = error.to_string();
        match error {
            P::NoProvider(_) | P::NoInventory { .. } | P::NoResourceClass(_) | P::NoTrait(_) | P::NotInThisVersion => {
                Self::not_found(text)
            }
            P::BadQuery(_) => Self::bad_request(text).with_code("placement.query.bad_value"),
            P::NoValidHost => Self::conflict(text).with_code("NoValidHost"),
        }
    }
}

//! The one error type that crosses service borders. It says what was being done, keeps its source, is mapped to HTTP once
//! (crates/http) and logged once.
//!
//! Two texts, never mixed: [`Error::message`] is for the client, [`Error::internal`] for the log. An error made from an
//! I/O failure or a bug has only an internal text, and the client gets a sentence that gives nothing away.

use std::{error::Error as StdError, fmt, sync::Arc};

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of refusal this is; each kind has one HTTP status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// 400: the request is malformed or asks for what cannot be.
    BadRequest,
    /// 401: no or no valid token.
    Unauthorized,
    /// 403: the caller may not do this.
    Forbidden,
    /// 403 in Nova, 409 in Neutron, 413 in Cinder: a quota would be exceeded.
    OverQuota,
    /// 404
    NotFound,
    /// 405
    MethodNotAllowed,
    /// 406: the microversion asked for is not spoken here.
    NotAcceptable,
    /// 409: the object's state or a duplicate forbids it.
    Conflict,
    /// 410
    Gone,
    /// 412: an `If-Match` precondition failed.
    PreconditionFailed,
    /// 413
    TooLarge,
    /// 415
    UnsupportedMediaType,
    /// 416
    RangeNotSatisfiable,
    /// 429
    TooManyRequests,
    /// 500
    Internal,
    /// 501
    NotImplemented,
    /// 503: nothing is broken; ask again.
    Unavailable,
}

impl Kind {
    pub const fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Unauthorized => 401,
            Self::Forbidden | Self::OverQuota => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::NotAcceptable => 406,
            Self::Conflict => 409,
            Self::Gone => 410,
            Self::PreconditionFailed => 412,
            Self::TooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::RangeNotSatisfiable => 416,
            Self::TooManyRequests => 429,
            Self::Internal => 500,
            Self::NotImplemented => 501,
            Self::Unavailable => 503,
        }
    }
}

/// Cheap to clone: the result of one transaction may be handed to several waiters.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: Kind,
    message: String,
    code: Option<&'static str>,
    internal: Option<String>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident => $kind:ident),+ $(,)?) => {$(
        $(#[$doc])*
        pub fn $name(message: impl Into<String>) -> Self {
            Self::of(Kind::$kind, message)
        }
    )+};
}

/// What clients learn of a failure inside.
const UNEXPECTED: &str = "an unexpected error prevented the server from fulfilling the request";

impl Error {
    pub fn of(kind: Kind, message: impl Into<String>) -> Self {
        Self(Arc::new(Inner { kind, message: message.into(), code: None, internal: None, source: None }))
    }

    constructors! {
        bad_request => BadRequest,
        unauthorized => Unauthorized,
        forbidden => Forbidden,
        over_quota => OverQuota,
        not_found => NotFound,
        conflict => Conflict,
        gone => Gone,
        not_acceptable => NotAcceptable,
        precondition_failed => PreconditionFailed,
        too_large => TooLarge,
        unavailable => Unavailable,
        not_implemented => NotImplemented,
    }

    /// A failure inside: `doing` says what was being done and goes to the log; the client learns only that it failed.
    pub fn internal(doing: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            kind: Kind::Internal,
            message: UNEXPECTED.into(),
            code: None,
            internal: Some(doing.into()),
            source: None,
        }))
    }

    /// The service's own name for this error, where clients see one: Neutron's `type`, placement's `code`.
    #[must_use]
    pub fn with_code(mut self, code: &'static str) -> Self {
        Arc::make_mut(&mut self.0).code = Some(code);
        self
    }

    /// Adds what only the log may see.
    #[must_use]
    pub fn with_internal(mut self, text: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.0).internal = Some(text.into());
        self
    }

    #[must_use]
    pub fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        Arc::make_mut(&mut self.0).source = Some(Arc::new(source));
        self
    }

    pub fn kind(&self) -> Kind {
        self.0.kind
    }
    pub fn status(&self) -> u16 {
        self.0.kind.status()
    }
    /// The text a client may see.
    pub fn message(&self) -> &str {
        &self.0.message
    }
    pub fn code(&self) -> Option<&'static str> {
        self.0.code
    }
    pub fn is(&self, kind: Kind) -> bool {
        self.0.kind == kind
    }
    /// The whole story for the log and for operators: message, internal text and every source. What is only internal
    /// begins with what was being done; the sentence that stands for it towards clients says nothing here.
    pub fn internal_text(&self) -> String {
        let mut text = match &self.0.internal {
            Some(internal) if self.0.message == UNEXPECTED => internal.clone(),
            Some(internal) => format!("{}: {internal}", self.0.message),
            None => self.0.message.clone(),
        };
        let mut source = self.0.source.as_deref().map(|s| s as &dyn StdError);
        while let Some(s) = source {
            text = format!("{text}: {s}");
            source = s.source();
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.0.kind, self.internal_text())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|s| s as &(dyn StdError + 'static))
    }
}

/// `file.read().doing("reading the token keys")?`: any error becomes an internal one that says what was being done.
pub trait Doing<T> {
    fn doing(self, what: &str) -> Result<T>;
}

impl<T, E: StdError + Send + Sync + 'static> Doing<T> for std::result::Result<T, E> {
    fn doing(self, what: &str) -> Result<T> {
        self.map_err(|e| Error::internal(what).with_source(e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internal_text_never_shows_in_display() {
        let e = Error::internal("opening /secret/path").with_source(std::io::Error::other("denied"));
        assert!(!e.to_string().contains("secret"));
        assert_eq!(e.internal_text(), "opening /secret/path: denied");
        let both = Error::conflict("the disk is in use").with_internal("qemu-img said so");
        assert_eq!(both.internal_text(), "the disk is in use: qemu-img said so");
        assert_eq!(e.status(), 500);
    }
}

use std::time::Duration;

/// What went wrong, sorted by what the caller can do about it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// Nothing was sent; asking again does no harm.
    #[error("not connected to the database {database}: {reason}")]
    NotConnected { database: String, reason: String },
    /// The request was sent and the connection broke before the answer: it may or may not have taken effect.
    #[error("the connection broke before the answer came: {0}")]
    Broken(String),
    /// As `Broken`, for a server that says nothing.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// The server is not, or no longer, the leader of its cluster. Nothing was written.
    #[error("the database server is not the leader: {0}")]
    NotLeader(String),
    /// The server refused the transaction; nothing was written.
    #[error("the database refused the transaction: {error}: {details}")]
    Refused { kind: Refusal, error: String, details: String },
    /// One side does not speak RFC 7047 as we know it.
    #[error("the database spoke out of turn: {0}")]
    Protocol(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A value out of range, or two rows with the same unique column.
    Constraint,
    /// A reference to a row that is not there, or a deleted row that others refer to.
    Referential,
    /// A row inserted under a uuid that is taken: another writer was first.
    Duplicate,
    /// A `wait` whose condition did not come true.
    Wait,
    Aborted,
    Other,
}

impl Error {
    pub(super) fn refused(error: &str, details: &str) -> Self {
        let kind = match error {
            "constraint violation" => Refusal::Constraint,
            "referential integrity violation" => Refusal::Referential,
            "duplicate uuid" | "duplicate uuid-name" => Refusal::Duplicate,
            "timed out" => Refusal::Wait,
            "aborted" => Refusal::Aborted,
            "not leader" | "lost leadership" | "not owner" | "bad prereq" | "shutdown" => {
                return Self::NotLeader(format!("{error}: {details}"));
            }
            _ => Refusal::Other,
        };
        Self::Refused { kind, error: error.to_owned(), details: details.to_owned() }
    }

    /// True if the same transaction, planned anew from a fresh replica, may succeed.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Refused { kind, .. } => !matches!(kind, Refusal::Other | Refusal::Aborted),
            Self::Protocol(_) => false,
            _ => true,
        }
    }
}

impl From<Error> for kernel::Error {
    fn from(e: Error) -> Self {
        match e {
            Error::Refused { .. } | Error::Protocol(_) => Self::internal("asking an OVSDB server").with_source(e),
            _ => Self::unavailable("the network back end does not answer").with_source(e),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_apart() {
        let check = |error: &str, kind: Refusal| {
            assert!(matches!(Error::refused(error, ""), Error::Refused { kind: k, .. } if k == kind), "{error}");
        };
        check("constraint violation", Refusal::Constraint);
        check("referential integrity violation", Refusal::Referential);
        check("duplicate uuid", Refusal::Duplicate);
        check("timed out", Refusal::Wait);
        check("aborted", Refusal::Aborted);
        check("syntax error", Refusal::Other);
        assert!(matches!(Error::refused("not leader", ""), Error::NotLeader(_)));
    }
}

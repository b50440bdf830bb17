//! Tokens: issued, looked at, ended.
//!
//! ```text
//!   issue:    methods prove a user ─▶ scope ─▶ roles there, or 401 ─▶ payload ─▶ sealed
//!   validate: cache by hash of the text ──hit, and no object that matters has changed──▶ credentials
//!                 └─ miss ─▶ open ─▶ payload ─▶ resolve in the snapshot ─▶ credentials
//! ```
//!
//! A token is valid if it opens, has not expired or been revoked, and everything it names exists and is enabled *now*: nothing
//! about a validation leaves this process, and what was taken from a user counts from the next request on.

mod cache;
mod events;
mod issue;
mod login;
pub(crate) mod methods;
mod receipts;
mod resolve;
mod revoke;
mod scope;
mod show;
mod text;
mod validate;

pub use cache::TokenCache;
pub use events::events;
pub(crate) use issue::mint;
pub use issue::{Issued, Outcome, issue};
pub use login::{
    AppCredLogin, Auth, DomainRef, Identity as IdentityPart, PasswordLogin, ProjectRef, TokenLogin, UserRef,
};
pub use methods::Around;
pub use receipts::Receipt;
pub use resolve::{Loan, Moment, Scoped, Token, Void, resolve};
pub use revoke::{revoke, revoke_user};
pub(crate) use scope::Asked;
pub use scope::{Scope as ScopeAsked, ScopeParts};
pub use show::{Purpose, Subject, show};
pub(crate) use validate::lookup;

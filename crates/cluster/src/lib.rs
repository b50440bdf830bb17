//! Who belongs to the cloud: the region's own certificate authority, nodes' identities, and the one-time tokens by which a
//! node joins.
//!
//! ```text
//!   operator: tstack token create ──▶ member: JoinToken (hash, host, expiry) in the store
//!   new node: tstack up --join URL --token T ──TLS, trusting the CA in the token──▶ member
//!             key made on the node, public key sent ──▶ token spent and certificate signed in one go
//!   from then on: mTLS; the certificate's common name is the host, and reaches that host's intent only
//! ```
//!
//! Invariants
//! - A private key never leaves the machine it was made on; the CA's never leaves members.
//! - A token works once, for one host, within its time. It carries the CA, so a joining node talks to nobody else.
//! - Only a member signs.

mod ca;
mod identity;
mod join;

pub use ca::{Authority, peer_name};
pub use identity::NodeIdentity;
pub use join::{JoinAnswer, JoinRequest, JoinToken, create_token, redeem, split_token};

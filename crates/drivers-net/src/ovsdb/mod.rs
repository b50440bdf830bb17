//! A client of OVSDB servers (RFC 7047, and the extensions of Open vSwitch since 2.17): the language in which OVN's
//! northbound and southbound databases and each host's own switch are spoken to.
//!
//! [`Client`] keeps a [`Replica`] of the tables it was told to monitor and runs transactions ([`Op`]). What is here knows
//! nothing of networks; `ovn` and `host` know nothing of sockets.

mod client;
mod datum;
mod endpoint;
mod error;
mod frame;
mod link;
mod op;
mod replica;
mod schema;

pub use client::{Client, Config, Monitored};
pub use datum::{Atom, Datum, Real};
pub use endpoint::Endpoint;
pub use error::{Error, Refusal};
pub use link::control;
pub use op::{Columns, Condition, Function, Mutation, Mutator, Op, Outcome};
pub use replica::{IndexSpec, Replica, Row};
pub use schema::{Arity, Base, Column, Schema};

//! What all moves of a server between hosts have in common: what hosts keep of it that it is not on ([`spare`]), and the
//! capacity of both that is claimed meanwhile ([`claims`]).

pub(crate) mod claims;
pub(crate) mod spare;

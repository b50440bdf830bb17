//! Allocations as clients write them. All of a request happens or nothing does: consumers' generations, capacities and what
//! is written are settled in one transaction ([`assign`]).

mod assign;
mod body;
mod delete;
mod fits;
mod post;
mod put;
pub(super) mod schema;
mod show;

pub(crate) use assign::{Refused, assign};
pub(crate) use body::{Body, Wanted};
pub(crate) use delete::delete;
pub(crate) use post::post;
pub(crate) use put::put;
pub(crate) use show::show;

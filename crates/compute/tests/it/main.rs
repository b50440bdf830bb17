//! Compute over a real store, with the other services and the hosts played by fakes.

mod api;
mod flows;
mod world;

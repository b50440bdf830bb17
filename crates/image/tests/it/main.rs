//! The image service over the real stores and the real inspector: its API through the router.

mod bad_input;
mod cache;
mod data;
mod hosts;
mod import;
mod members;
mod metadefs;
mod operations;
mod protections;
mod world;

//! The block storage service over pools of paper: its API through the router, its flows under torture.

mod api;
mod flows;
mod world;

//! Identity through its router, as clients call it.

mod app_creds;
mod auth;
mod catalog;
mod cloud;
mod credentials;
mod discovery;
mod fuzz;
mod lists;
mod lockout;
mod passwords;
mod personas;
mod projects;
mod removal;
mod revocation;
mod roles;
mod users;

//! Identity through its router, as clients call it.

mod app_creds;
mod auth;
mod catalog;
mod cloud;
mod credentials;
mod discovery;
mod domain_config;
mod ec2;
mod endpoint_filter;
mod federation;
mod fuzz;
mod jws;
mod limits;
mod lists;
mod lockout;
mod oauth1;
mod passwords;
mod personas;
mod policies;
mod projects;
mod removal;
mod revocation;
mod roles;
mod totp;
mod trusts;
mod users;

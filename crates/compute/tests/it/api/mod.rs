//! The API as clients call it.

mod access;
mod cloud;
mod migrations;
mod proxies;
mod requests;
mod servers;
mod views;

//! The API as clients call it.

mod access;
mod cloud;
mod gone;
mod migrations;
mod odds;
mod proxies;
mod requests;
mod servers;
mod views;

//! The API as clients call it.

mod access;
mod cloud;
mod requests;
mod servers;
mod views;

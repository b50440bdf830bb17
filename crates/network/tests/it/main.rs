//! The network service through its API, as clients use it, and through the traits by which the rest of TStack does.

mod address_groups;
mod address_scopes;
mod binder;
mod concurrency;
mod coverage;
mod floatingips;
mod lists;
mod logical;
mod networks;
mod ports;
mod qos;
mod quotas;
mod reconciler;
mod routers;
mod security_groups;
mod service;
mod sharing;
mod subnetpools;
mod subnets;
mod support;
mod trunks;

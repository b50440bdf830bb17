//! The driver against real Open vSwitch and OVN: every test sends real packets between namespaces that stand for guests.
//!
//! They need root and Debian's packages, and fail without them, unless `TSTACK_NO_OVN=1` says that this machine is not to
//! have them. Each test has names of its own and may run beside the others; all of them clean up, also when they panic.

mod conformance;
mod counters;
mod dhcp;
mod export;
mod failover;
mod frames;
mod gateways;
mod hosts;
mod ipv6;
mod ipv6_modes;
mod leaks;
mod logging;
mod many_rules;
mod metadata;
mod ndp_proxy;
mod outages;
mod ovsdb;
mod port_forwarding;
mod qos;
mod repair;
mod rest;
mod rig;
mod routing;
mod spoofing;
mod switching;
mod tracking;
mod traffic;
mod trunks;
mod why;

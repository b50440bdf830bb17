//! States that hold by themselves.

mod keep_hosts;

pub use keep_hosts::KeepHosts;

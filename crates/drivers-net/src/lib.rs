pub mod conformance;
pub mod host;
pub mod lab;
pub mod link;
pub mod netns;
pub mod ovn;
pub mod ovsdb;
pub mod system;

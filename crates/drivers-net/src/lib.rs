pub mod ovn;
pub mod ovsdb;

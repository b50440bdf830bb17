//! Drivers for bytes at rest on a host: local disks of guests, and the careful use of `qemu-img` that all of them share.

pub mod checksum;
mod convert;
pub mod disk;
pub mod durable;
pub mod file_volumes;
pub mod image_store;
pub mod inspect;
pub mod local;
pub mod qemu_img;

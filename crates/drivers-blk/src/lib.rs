//! Drivers for bytes at rest on a host.
//!
//! | module | what it is | whose trait |
//! |---|---|---|
//! | [`image_store`] | images in a directory, named by their SHA-512 | `image::driver::ImageStore` |
//! | [`inspect`] | what an uploaded file is, from its headers | `image::driver::Inspector` |
//! | [`file_volumes`] | volumes as qcow2 files, exported by storage daemons | `volume::driver::VolumeBackend` |
//! | [`rbd_volumes`] | volumes in a Ceph cluster | the same |
//! | [`fake`] | volumes on paper | the same |
//! | [`local`] | disks that live with the host | `compute::driver::LocalDisks` |
//! | [`luks`] | encrypted volumes, through their export | `volume::encryptor::Encryptor` |
//! | [`qemu_img`] | the one place that runs `qemu-img`, under limits | `image::driver::Converter` |
//! | [`conformance`] | what every image store and every pool must do | |

mod backups;
pub mod checksum;
pub mod conformance;
mod convert;
pub mod disk;
pub mod durable;
pub mod fake;
pub mod file_volumes;
mod ground;
pub mod image_store;
pub mod inspect;
pub mod local;
pub mod luks;
mod names;
pub mod qemu_img;
pub mod rbd_volumes;
mod turns;

//! Disks that live with the host.

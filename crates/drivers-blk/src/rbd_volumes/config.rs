//! Settings of a pool in a Ceph cluster.

use crate::qemu_img::QemuImg;
use std::{path::PathBuf, time::Duration};

#[derive(Clone, Debug)]
pub struct RbdVolumesConfig {
    /// Ceph's pool; also the part of `host@backend#pool` after `#`.
    pub pool: String,
    /// The namespace in it; `None`: the one without a name.
    pub namespace: Option<String>,
    /// Ceph's user, without `client.`. It needs `mon 'profile rbd'` and `osd 'profile rbd pool=<pool>'`.
    pub user: String,
    /// Where the monitors are and how they are spoken to; it leads to the user's keyring. The same path on every host with guests.
    pub conf: PathBuf,
    /// Fences, records of exports, unfinished work.
    pub dir: PathBuf,
    /// Backups, by container.
    pub backups: PathBuf,
    pub img: QemuImg,
    /// How long a small command may take.
    pub patience: Duration,
}

impl RbdVolumesConfig {
    /// `place`: `POOL` or `POOL/NAMESPACE`.
    pub fn new(place: &str, dir: impl Into<PathBuf>) -> Self {
        let dir = dir.into();
        let (pool, namespace) = place.split_once('/').map_or((place, None), |(p, n)| (p, Some(n.to_owned())));
        Self {
            pool: pool.to_owned(),
            namespace: namespace.filter(|n| !n.is_empty()),
            user: "tstack".into(),
            conf: "/etc/ceph/ceph.conf".into(),
            backups: dir.join("backups"),
            dir,
            img: QemuImg::default(),
            patience: Duration::from_secs(60),
        }
    }

    /// How the `rbd` program names an image or a snapshot.
    pub(super) fn spec(&self, image: &str) -> String {
        match &self.namespace {
            Some(namespace) => format!("{}/{namespace}/{image}", self.pool),
            None => format!("{}/{image}", self.pool),
        }
    }
}

//! What is done with images, each by one command; and the names by which the pool's content is told apart.
//!
//! ```text
//!   volume-<id>            a volume               @snapshot-<id>   a user's
//!   husk-<id>-<n>          what a volume was      @snapshot-<id>   taken before it was rewritten
//!   image-<hash>           an image's bytes       @base            what volumes are cloned of
//!   made-<id>              what a volume becomes, complete
//!   making-<open>-<n>      not finished
//!                          anything               @moment-<open>-<n>   for the time of a copy
//!                                                 @backup-<id>         what the next increment starts from
//! ```

use super::{
    RbdVolumesConfig,
    cli::{self, Failed, LONG, if_there},
};
use rustix::io::Errno;
use serde::Deserialize;

/// One of `rbd ls -l`: an image, or a snapshot of one.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Listed {
    pub(super) image: String,
    pub(super) snapshot: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Info {
    pub(super) size: u64,
}

#[derive(Debug, Deserialize)]
struct Named {
    name: String,
}

#[derive(Debug, Deserialize)]
struct Child {
    image: String,
}

#[derive(Debug, Deserialize)]
struct Status {
    watchers: Vec<Watcher>,
}

#[derive(Debug, Deserialize)]
struct Watcher {
    address: String,
}

#[derive(Debug, Deserialize)]
struct Usage {
    pools: Vec<PoolUsage>,
}

#[derive(Debug, Deserialize)]
struct PoolUsage {
    name: String,
    stats: PoolBytes,
}

#[derive(Debug, Deserialize)]
struct PoolBytes {
    stored: u64,
    max_avail: u64,
}

/// The images of one pool.
#[derive(Clone, Debug)]
pub(super) struct Images(pub(super) RbdVolumesConfig);

impl Images {
    fn at(&self, image: &str) -> String {
        self.0.spec(image)
    }

    async fn rbd(&self, args: &[&str]) -> Result<(), Failed> {
        cli::run(&self.0, "rbd", args, self.0.patience).await.map(drop)
    }

    async fn long(&self, args: &[&str]) -> Result<(), Failed> {
        cli::run(&self.0, "rbd", args, LONG).await.map(drop)
    }

    pub(super) async fn info(&self, image: &str) -> Result<Option<Info>, Failed> {
        if_there(cli::ask(&self.0, "rbd", &["info", &self.at(image)]).await)
    }

    /// Names only.
    pub(super) async fn names(&self) -> Result<Vec<String>, Failed> {
        let all = self.at("");
        cli::ask(&self.0, "rbd", &["ls", all.trim_end_matches('/')]).await
    }

    /// All images and snapshots. Opens every image: for what is seldom done.
    pub(super) async fn list(&self) -> Result<Vec<Listed>, Failed> {
        let all = self.at("");
        cli::ask(&self.0, "rbd", &["ls", "-l", all.trim_end_matches('/')]).await
    }

    pub(super) async fn snapshots(&self, image: &str) -> Result<Vec<String>, Failed> {
        let found: Option<Vec<Named>> = if_there(cli::ask(&self.0, "rbd", &["snap", "ls", &self.at(image)]).await)?;
        Ok(found.into_iter().flatten().map(|s| s.name).collect())
    }

    pub(super) async fn create(&self, image: &str, size: u64) -> Result<(), Failed> {
        self.rbd(&["create", "--size", &format!("{size}B"), &self.at(image)]).await
    }

    pub(super) async fn import(&self, file: &str, image: &str) -> Result<(), Failed> {
        self.long(&["import", "--no-progress", file, &self.at(image)]).await
    }

    /// A copy on write. The snapshot need not be protected; it may even be removed while there are clones of it.
    pub(super) async fn clone_of(&self, snapshot: &str, image: &str) -> Result<(), Failed> {
        self.rbd(&["clone", "--rbd_default_clone_format=2", &self.at(snapshot), &self.at(image)]).await
    }

    pub(super) async fn grow(&self, image: &str, size: u64) -> Result<(), Failed> {
        self.rbd(&["resize", "--no-progress", "--size", &format!("{size}B"), &self.at(image)]).await
    }

    pub(super) async fn rename(&self, from: &str, to: &str) -> Result<(), Failed> {
        self.rbd(&["rename", &self.at(from), &self.at(to)]).await
    }

    pub(super) async fn rename_snap(&self, image: &str, from: &str, to: &str) -> Result<(), Failed> {
        let at = |snapshot: &str| self.at(&format!("{image}@{snapshot}"));
        self.rbd(&["snap", "rename", &at(from), &at(to)]).await
    }

    /// Making one that is there is `Ok`.
    pub(super) async fn snap(&self, snapshot: &str) -> Result<(), Failed> {
        match self.rbd(&["snap", "create", "--no-progress", &self.at(snapshot)]).await {
            Err(e) if e.is(Errno::EXIST) => Ok(()),
            other => other,
        }
    }

    /// `Ok` if it is gone. Clones of it go on.
    pub(super) async fn unsnap(&self, snapshot: &str) -> Result<(), Failed> {
        if_there(self.rbd(&["snap", "rm", "--no-progress", &self.at(snapshot)]).await).map(drop)
    }

    pub(super) async fn export(&self, snapshot: &str, to: &str) -> Result<(), Failed> {
        self.long(&["export", "--no-progress", &self.at(snapshot), to]).await
    }

    pub(super) async fn children(&self, image: &str) -> Result<Vec<String>, Failed> {
        let found: Option<Vec<Child>> = if_there(cli::ask(&self.0, "rbd", &["children", &self.at(image)]).await)?;
        Ok(found.into_iter().flatten().map(|c| c.image).collect())
    }

    /// Removes an image, its snapshots too; what was cloned of it is made to stand by itself first. `Ok` if it is gone.
    pub(super) async fn remove(&self, image: &str) -> Result<(), Failed> {
        let mut tries = 3;
        loop {
            for child in self.children(image).await? {
                // A child that goes away meanwhile needs nothing any more.
                if_there(self.long(&["flatten", "--no-progress", &self.at(&child)]).await)?;
            }
            if_there(self.long(&["snap", "purge", "--no-progress", &self.at(image)]).await)?;
            tries -= 1;
            match if_there(self.long(&["rm", "--no-progress", &self.at(image)]).await) {
                Err(e) if e.is(Errno::NOTEMPTY) && tries > 0 => {}
                done => return done.map(drop),
            }
        }
    }

    /// Addresses of the clients that have the image open.
    pub(super) async fn watchers(&self, image: &str) -> Result<Vec<String>, Failed> {
        let found: Option<Status> = if_there(cli::ask(&self.0, "rbd", &["status", &self.at(image)]).await)?;
        Ok(found.map(|s| s.watchers).into_iter().flatten().map(|w| w.address).collect())
    }

    /// Whatever this client still sends is refused by the cluster.
    pub(super) async fn shut_out(&self, client: &str) -> Result<(), Failed> {
        let args = ["osd", "blocklist", "add", client, "3600"];
        cli::run(&self.0, "ceph", &args, self.0.patience).await.map(drop)
    }

    /// Bytes that the pool's content takes and that it still has room for, copies not counted; `None` if there is no such pool.
    pub(super) async fn space(&self) -> Result<Option<(u64, u64)>, Failed> {
        let found: Usage = cli::ask(&self.0, "ceph", &["df"]).await?;
        let pool = found.pools.into_iter().find(|p| p.name == self.0.pool);
        Ok(pool.map(|p| (p.stats.stored, p.stats.max_avail)))
    }

    /// What differs between two moments of an image, or between nothing and one, as `rbd export-diff` writes it.
    pub(super) fn differences(&self, since: Option<&str>, snapshot: &str) -> tokio::process::Command {
        let at = self.at(snapshot);
        let mut args = vec!["export-diff", "--no-progress"];
        args.extend(since.into_iter().flat_map(|s| ["--from-snap", s]));
        args.extend([at.as_str(), "-"]);
        cli::command(&self.0, "rbd", &args)
    }
}

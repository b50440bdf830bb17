//! A Ceph cluster of this test's own: one monitor, one manager and a few OSDs on sparse files, all on loopback. Half a gigabyte of
//! memory, up in ten seconds, and gone with whoever started it.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// What each OSD has, in bytes.
const OSD_SIZE: u64 = 4 << 30;
/// The pool that volumes are in.
pub const POOL: &str = "volumes";

#[derive(Default)]
pub struct Ceph {
    dir: PathBuf,
    daemons: Vec<(String, Child)>,
}

impl Drop for Ceph {
    fn drop(&mut self) {
        for (_, child) in &mut self.daemons {
            // Ended already is as good.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Ceph {
    /// Starts a new cluster in the empty directory `dir`; returns when it takes writes.
    pub fn start(dir: &Path, osds: usize) -> Self {
        fs::create_dir_all(dir.join("run")).unwrap();
        let dir = fs::canonicalize(dir).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let fsid = uuid::Uuid::new_v4().to_string();
        fs::write(dir.join("ceph.conf"), configuration(&dir, &fsid, port)).unwrap();
        let mut ceph = Self { dir, daemons: Vec::new() };
        ceph.first_monitor(&fsid, port);
        let caps = ["mon", "allow profile mgr", "osd", "allow *", "mds", "allow *"];
        ceph.keyring("mgr.x", &caps);
        fs::create_dir_all(ceph.dir.join("mgr")).unwrap();
        ceph.spawn("mgr.x");
        ceph.add_osds(osds);
        ceph.ceph(&["osd", "pool", "create", POOL, "8"]);
        ceph.ceph(&["osd", "pool", "application", "enable", POOL, "rbd"]);
        let pool = format!("profile rbd pool={POOL}");
        ceph.keyring("client.tstack", &["mon", "profile rbd", "osd", &pool, "mgr", &pool]);
        ceph
    }

    fn first_monitor(&mut self, fsid: &str, port: u16) {
        let at = |name: &str| self.dir.join(name).display().to_string();
        let (mon, admin, map, data) = (at("mon.keyring"), at("client.admin.keyring"), at("monmap"), at("mon"));
        let all = ["--cap", "mon", "allow *", "--cap", "osd", "allow *", "--cap", "mgr", "allow *"];
        self.run("ceph-authtool", &["-C", &mon, "--gen-key", "-n", "mon.", "--cap", "mon", "allow *"]);
        self.run("ceph-authtool", &[&["-C", admin.as_str(), "--gen-key", "-n", "client.admin"][..], &all].concat());
        self.run("ceph-authtool", &[&mon, "--import-keyring", &admin]);
        let address = format!("[v2:127.0.0.1:{port}]");
        self.run("monmaptool", &["--create", "--addv", "a", &address, "--fsid", fsid, "--clobber", &map]);
        fs::create_dir_all(data).unwrap();
        self.run("ceph-mon", &["--mkfs", "-i", "a", "--monmap", &map, "--keyring", &mon]);
        self.spawn("mon.a");
    }

    /// Adds OSDs; returns when the cluster has them.
    pub fn add_osds(&mut self, more: usize) {
        let have = self.daemons.iter().filter(|(name, _)| name.starts_with("osd.")).count();
        for n in have..have + more {
            let (id, uuid) = (n.to_string(), uuid::Uuid::new_v4().to_string());
            fs::create_dir_all(self.dir.join(format!("osd{n}"))).unwrap();
            self.ceph(&["osd", "new", &uuid, &id]);
            self.keyring(
                &format!("osd.{n}"),
                &["mon", "allow profile osd", "mgr", "allow profile osd", "osd", "allow *"],
            );
            self.run("ceph-osd", &["-i", &id, "--mkfs", "--osd-uuid", &uuid]);
            self.spawn(&format!("osd.{n}"));
        }
        self.until(&format!("{} OSDs are up", have + more), |ceph| {
            ceph.ceph(&["osd", "stat"]).contains(&format!("{} up", have + more))
        });
    }

    /// `kill -9`, as a crash would.
    pub fn kill(&mut self, daemon: &str) {
        let at = self.daemons.iter().position(|(name, _)| name == daemon).expect("it runs");
        let (_, mut child) = self.daemons.swap_remove(at);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Starts a daemon, `osd.0` say.
    pub fn spawn(&mut self, daemon: &str) {
        let (kind, id) = daemon.split_once('.').unwrap();
        let log = fs::File::create(self.dir.join(format!("run/{daemon}.out"))).unwrap();
        // It ends with us, however we end.
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", &format!("ceph-{kind}"), "-f", "-i", id])
            .env("CEPH_CONF", self.conf())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|e| panic!("starting ceph-{kind}: {e}"));
        self.daemons.push((daemon.to_owned(), child));
    }

    /// A namespace in the pool, with nothing in it. As a driver's settings name it.
    pub fn namespace(&self, name: &str) -> String {
        let place = format!("{POOL}/{name}");
        self.run("rbd", &["namespace", "create", &place]);
        place
    }

    /// All copies of everything are there.
    pub fn healthy(&self) {
        self.until("all copies are there", |ceph| {
            let stat = ceph.ceph(&["pg", "stat"]);
            let (count, rest) = stat.split_once(" pgs: ").unwrap_or_default();
            rest.trim_start().starts_with(&format!("{count} active+clean;"))
        });
    }

    pub fn conf(&self) -> PathBuf {
        self.dir.join("ceph.conf")
    }

    /// What the cluster says to the administrator's command.
    pub fn ceph(&self, args: &[&str]) -> String {
        self.run("ceph", &[&["--connect-timeout", "30"], args].concat())
    }

    fn keyring(&self, name: &str, caps: &[&str]) {
        let to = self.dir.join(format!("{name}.keyring")).display().to_string();
        self.ceph(&[&["auth", "get-or-create", name][..], caps, &["-o", &to]].concat());
    }

    pub fn run(&self, program: &str, args: &[&str]) -> String {
        let output = Command::new(program).args(args).env("CEPH_CONF", self.conf()).stdin(Stdio::null()).output();
        let output = output.unwrap_or_else(|e| panic!("{program}: {e}; ./test installs it"));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {args:?}: {}: {said}", output.status);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn until(&self, what: &str, so: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !so(self) {
            assert!(began.elapsed() < Duration::from_secs(120), "waited in vain: {what}\n{}", self.ceph(&["-s"]));
            thread::sleep(Duration::from_millis(200));
        }
    }
}

/// Small and quick to notice what dies; three copies, of which two must be there.
fn configuration(dir: &Path, fsid: &str, port: u16) -> String {
    let dir = dir.display();
    format!(
        "[global]
fsid={fsid}
mon_initial_members=a
mon_host=v2:127.0.0.1:{port}
auth_cluster_required=cephx
auth_service_required=cephx
auth_client_required=cephx
auth_allow_insecure_global_id_reclaim=false
public_addr=127.0.0.1
cluster_addr=127.0.0.1
ms_bind_ipv6=false
ms_bind_msgr1=false
run_dir={dir}/run
admin_socket={dir}/run/$name.$pid.asok
log_file={dir}/run/$name.log
osd_pool_default_size=3
osd_pool_default_min_size=2
osd_pool_default_pg_autoscale_mode=off
osd_crush_chooseleaf_type=0
osd_heartbeat_interval=2
osd_heartbeat_grace=6
mon_osd_min_down_reporters=1
mon_data_avail_warn=1
mon_data_avail_crit=0
rbd_default_features=61
[mon]
mon_data={dir}/mon
[mgr]
mgr_data={dir}/mgr
mgr_pool=false
keyring={dir}/$name.keyring
[client]
keyring={dir}/$name.keyring
log_file=
admin_socket=
[osd]
osd_data={dir}/osd$id
keyring={dir}/$name.keyring
osd_objectstore=bluestore
bluestore_block_size={OSD_SIZE}
bluestore_cache_autotune=false
bluestore_cache_size=33554432
osd_memory_target=939524096
osd_op_num_shards=1
osd_op_num_threads_per_shard=2
"
    )
}

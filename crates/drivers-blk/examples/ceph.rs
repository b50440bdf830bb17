//! A Ceph cluster to try things on: `cargo run -p drivers-blk --example ceph -- DIR [OSDS]`. A tstack uses it by
//! `--set volume.driver=rbd:volumes --set volume.ceph_conf=DIR/ceph.conf`. It does what lines of its standard input say,
//! `kill osd.1`, `spawn osd.1`, `add`, and ends with them.

#[path = "../tests/it/support/ceph.rs"]
#[allow(dead_code)] // the tests use more of it
mod ceph;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let Some(dir) = args.get(1) else {
        eprintln!("say which directory");
        std::process::exit(2);
    };
    let osds = args.get(2).and_then(|n| n.parse().ok()).unwrap_or(3);
    let began = std::time::Instant::now();
    let mut ceph = ceph::Ceph::start(std::path::Path::new(dir), osds);
    println!("{} after {:.1} s", ceph.conf().display(), began.elapsed().as_secs_f64());
    for line in std::io::stdin().lines().map_while(Result::ok) {
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["kill", daemon] => ceph.kill(daemon),
            ["spawn", daemon] => ceph.spawn(daemon),
            ["add"] => ceph.add_osds(1),
            _ => break,
        }
    }
}

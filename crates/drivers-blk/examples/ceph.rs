//! A Ceph cluster to try things on: `cargo run -p drivers-blk --example ceph -- DIR [OSDS]`. It lives until this program ends, on a
//! line of input or its end; a tstack uses it by `--set volume.backends='["ceph=rbd:volumes"]' --set volume.ceph_conf=DIR/ceph.conf`.

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
    let ceph = ceph::Ceph::start(std::path::Path::new(dir), osds);
    println!("{} after {:.1} s", ceph.conf().display(), began.elapsed().as_secs_f64());
    let mut line = String::new();
    // Its end is as good as a line.
    let _ = std::io::stdin().read_line(&mut line);
}

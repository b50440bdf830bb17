//! `cargo xtask image`: the guest image `tinycloud`, by the script that `./quickstart` uses too.

use std::process::Command;

/// Passes its arguments on (`--cache DIR`, `--alt FILE`, `--keep DIR`, `--force`); `--out FILE` is where the image goes.
pub fn run(args: &[String]) -> Result<(), String> {
    let (mut out, mut rest) = ("target/tinycloud.qcow2".to_owned(), Vec::new());
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--out" => out = args.next().ok_or("--out needs a file")?.clone(),
            other => rest.push(other.to_owned()),
        }
    }
    let built = Command::new("images/tinycloud/build").args(rest).arg(&out).status();
    match built {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("images/tinycloud/build: {status}")),
        Err(e) => Err(format!("starting images/tinycloud/build: {e}")),
    }
}

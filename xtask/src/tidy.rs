//! `cargo xtask tidy`: the rules of ARCHITECTURE.md that a machine can check, from `cargo metadata` and the sources.
//!
//! Each rule is a row with its reason, which the message gives.

use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The crate without code that turns on everyone's features; it names every library.
const FEATURES: &str = "workspace-hack";

/// Layers from the bottom up. A crate may depend on lower layers; within one, only as [`SIDEWAYS`] says.
const LAYERS: &[&[&str]] = &[
    &[FEATURES],
    &["kernel"],
    &["store", "policy", "telemetry"],
    &["tstack-http"],
    &["flow"],
    &["ports"],
    &["identity", "placement", "compute", "network", "volume", "tstack-image", "keymanager"],
    &["drivers-virt", "drivers-net", "drivers-blk", "agent", "cluster", "cli"],
    &["tstack"],
    &["e2e"],
    &["xtask"],
];

/// Edges within a layer that are meant: none between services, ever.
const SIDEWAYS: &[(&str, &str)] = &[("drivers-blk", "drivers-virt")];

/// Libraries that only some may name, and why.
const ONLY_IN: &[(&str, &[&str], &str)] = &[
    ("redb", &["store"], "only the store knows its back ends"),
    ("etcd-client", &["store"], "only the store knows its back ends"),
    ("hyper", &["tstack-http", "cluster", "store"], "others use http::Client and http::Server"),
    ("hyper-util", &["tstack-http", "cluster", "store"], "others use http::Client and http::Server"),
    (
        "tower",
        &["tstack-http", "cluster", "store", "volume"],
        "others use http's pipeline; volume strips the project from its paths",
    ),
];

/// Crates that must not come in at all.
const BANNED: &[(&str, &str)] = &[
    ("openssl-sys", "TLS is rustls with ring"),
    ("aws-lc-sys", "ring is the one crypto provider"),
    ("aws-lc-rs", "ring is the one crypto provider"),
];

/// Licences that may be linked into the product.
const LICENCES: &[&str] = &[
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "0BSD",
    "CC0-1.0",
    "Unlicense",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "MPL-2.0",
    "MPL-2.0+",
    "MIT-0",
    "BSL-1.0",
    "bzip2-1.0.6",
    "CDLA-Permissive-2.0",
];

const LINES: usize = 500;
/// Files that are longer for a reason.
const LONGER: &[(&str, &str)] = &[];

pub fn run() -> Result<(), String> {
    let metadata = metadata()?;
    let mut problems = dependencies(&metadata);
    problems.extend(licences(&metadata));
    problems.extend(sources(Path::new("."))?);
    if problems.is_empty() {
        println!("tidy: all rules hold");
        return Ok(());
    }
    Err(format!("{} rules are broken:\n  {}", problems.len(), problems.join("\n  ")))
}

fn metadata() -> Result<Value, String> {
    let output = crate::cargo()
        .args(["metadata", "--format-version=1", "--locked", "--filter-platform=x86_64-unknown-linux-gnu"])
        .output();
    let output = output.map_err(|e| format!("starting cargo: {e}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr)));
    }
    serde_json::from_slice(&output.stdout).map_err(|e| format!("reading cargo's metadata: {e}"))
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}

fn layer(name: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&name))
}

fn dependencies(metadata: &Value) -> Vec<String> {
    let members: BTreeSet<&str> = list(metadata, "workspace_members").filter_map(Value::as_str).collect();
    let packages = list(metadata, "packages");
    let ours: BTreeMap<&str, &Value> =
        packages.clone_members(&members).into_iter().filter_map(|p| Some((p["name"].as_str()?, p))).collect();
    let mut problems = Vec::new();
    for (name, package) in &ours {
        let Some(own) = layer(name) else {
            problems.push(format!("{name}: no layer of xtask/src/tidy.rs has this crate; say where it belongs"));
            continue;
        };
        for dependency in list(package, "dependencies") {
            let (to, dev) = (dependency["name"].as_str().unwrap_or_default(), dependency["kind"] == "dev");
            if let Some((_, allowed, why)) = ONLY_IN.iter().find(|(lib, ..)| *lib == to)
                && !allowed.contains(name)
                && !dev
                && *name != FEATURES
            {
                problems.push(format!("{name} depends on {to}: {why}"));
            }
            if !ours.contains_key(to) || dev {
                continue;
            }
            let allowed = match layer(to) {
                Some(other) if other < own => true,
                Some(other) if other == own => SIDEWAYS.contains(&(*name, to)),
                _ => false,
            };
            if !allowed {
                problems.push(format!(
                    "{name} depends on {to}, which is not below it; what one service needs of another is a trait in crates/ports"
                ));
            }
        }
    }
    for package in list(metadata, "packages") {
        if let Some((name, why)) = BANNED.iter().find(|(name, _)| package["name"] == *name) {
            problems.push(format!("{name} is among the dependencies: {why}"));
        }
    }
    problems
}

/// The workspace's own packages.
trait Members<'a> {
    fn clone_members(self, members: &BTreeSet<&str>) -> Vec<&'a Value>;
}

impl<'a, I: Iterator<Item = &'a Value>> Members<'a> for I {
    fn clone_members(self, members: &BTreeSet<&str>) -> Vec<&'a Value> {
        self.filter(|p| p["id"].as_str().is_some_and(|id| members.contains(id))).collect()
    }
}

/// True if the expression (`MIT OR Apache-2.0`, `(A OR B) AND C`) can be met with [`LICENCES`].
fn acceptable(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ");
    let known = |licence: &str| LICENCES.contains(&licence.trim().trim_matches(['(', ')']).trim());
    expression.split(" AND ").all(|part| part.split(" OR ").any(known))
}

fn licences(metadata: &Value) -> Vec<String> {
    let judge = |package: &Value| {
        let name = package["name"].as_str().unwrap_or_default();
        match package["license"].as_str() {
            Some(expression) if acceptable(expression) => None,
            Some(expression) => Some(format!("{name}: its licence {expression} is not among those that may be linked")),
            None if package["license_file"].is_string() => None,
            None => Some(format!("{name}: it names no licence")),
        }
    };
    list(metadata, "packages").filter_map(judge).collect()
}

fn sources(root: &Path) -> Result<Vec<String>, String> {
    let mut files = Vec::new();
    for dir in ["crates", "xtask"] {
        collect(&root.join(dir), &mut files).map_err(|e| format!("reading {dir}: {e}"))?;
    }
    let mut problems = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).map_err(|e| format!("reading {}: {e}", file.display()))?;
        let name = file.strip_prefix("./").unwrap_or(&file).display().to_string();
        let lines = text.lines().count();
        if lines > LINES && !LONGER.iter().any(|(path, _)| *path == name) {
            problems.push(format!(
                "{name}: {lines} lines; over {LINES} a file needs a second room, or a reason in tidy.rs"
            ));
        }
        // Spelled apart, so that this file does not find itself.
        for banned in [concat!("todo", "!("), concat!("unimplemented", "!("), concat!("#[", "ignore")] {
            if text.contains(banned) {
                problems.push(format!("{name}: has {banned}…: what is not finished does not land"));
            }
        }
        problems.extend(process_rule(&name, &text));
    }
    Ok(problems)
}

/// Processes are started only by drivers, the agent, node, and the command line's ssh.
fn process_rule(name: &str, text: &str) -> Option<String> {
    let free = [
        "crates/drivers-",
        "crates/agent/",
        "crates/node/",
        "crates/cli/",
        "crates/e2e/",
        "crates/placement/examples/",
        "xtask/",
    ];
    let starts = text.contains("process::Command") && !name.contains("/tests/");
    (starts && !free.iter().any(|f| name.starts_with(f)))
        .then(|| format!("{name}: starts a process; only drivers, the agent and node do"))
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::acceptable;

    #[test]
    fn licence_expressions() {
        for good in [
            "MIT",
            "MIT OR Apache-2.0",
            "MIT/Apache-2.0",
            "(MIT OR GPL-3.0) AND ISC",
            "Apache-2.0 WITH LLVM-exception OR MIT",
        ] {
            assert!(acceptable(good), "{good}");
        }
        for bad in ["GPL-3.0", "AGPL-3.0-only", "MIT AND GPL-2.0"] {
            assert!(!acceptable(bad), "{bad}");
        }
    }
}

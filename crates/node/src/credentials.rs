//! The administrator's password and `clouds.yaml`.

use crate::Config;
use kernel::{Result, error::Doing};
use rand::Rng;
use std::{io::Write, os::unix::fs::OpenOptionsExt, path::Path};

/// The administrator's password: made at the first start, in a file only its owner reads.
pub fn admin_password(config: &Config) -> Result<String> {
    secret(&config.data_dir.join("admin-password"))
}

/// Whether a region was made here before.
pub fn exist(config: &Config) -> bool {
    config.data_dir.join("admin-password").exists()
}

/// The password of the user `demo`.
pub fn demo_password(config: &Config) -> Result<String> {
    secret(&config.data_dir.join("demo-password"))
}

fn secret(path: &Path) -> Result<String> {
    if let Ok(text) = std::fs::read_to_string(path)
        && !text.trim().is_empty()
    {
        return Ok(text.trim().to_owned());
    }
    let password: String = rand::rng().sample_iter(rand::distr::Alphanumeric).take(24).map(char::from).collect();
    write(path, &password)?;
    Ok(password)
}

fn write(path: &Path, text: &str) -> Result<()> {
    let doing = format!("writing {}", path.display());
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path).doing(&doing)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).doing(&doing)
}

/// `clouds.yaml` with the clouds `tstack-admin` and `tstack-demo`, in the data directory; returns its text.
pub fn write_clouds(config: &Config) -> Result<String> {
    let (url, region) = (config.public_url()?, config.text("node.region"));
    let cacert = match config.tls()? {
        true => format!("\n    cacert: {}", config.data_dir.join("pki/ca.pem").display()),
        false => String::new(),
    };
    let cloud = |name: &str, user: &str, project: &str, password: &str| {
        format!(
            "  {name}:\n    auth:\n      auth_url: {url}/identity/v3\n      username: {user}\n      password: {password}\n      \
             project_name: {project}\n      user_domain_id: default\n      project_domain_id: default\n    region_name: {region}\n    \
             identity_api_version: 3{cacert}\n"
        )
    };
    let text = format!(
        "# Made by tstack. OpenStack's clients read it from here with OS_CLIENT_CONFIG_FILE, or from ~/.config/openstack/.\nclouds:\n{}{}",
        cloud("tstack-admin", "admin", "admin", &admin_password(config)?),
        cloud("tstack-demo", "demo", "demo", &demo_password(config)?),
    );
    let path = config.data_dir.join("clouds.yaml");
    if std::fs::read_to_string(&path).ok().as_deref() != Some(&text) {
        write(&path, &text)?;
    }
    Ok(text)
}

//! What this host can emulate of TPMs, by swtpm's own word: asked once, before any guest.

use super::config::{QemuConfig, Vtpm};
use compute::{
    driver::{TpmModel, TpmVersion},
    model::wishes::needs::{tpm_model, tpm_version},
};
use kernel::{Error, Result, error::Doing};
use serde_json::Value;
use std::{io::ErrorKind, time::Duration};
use tokio::{process::Command, time::timeout};

const PATIENCE: Duration = Duration::from_secs(60);

/// Who can be asked for a passphrase: Nova's words for it that are kept here.
const SECURITY: [&str; 2] = ["COMPUTE_SECURITY_TPM_SECRET_SECURITY_USER", "COMPUTE_SECURITY_TPM_SECRET_SECURITY_HOST"];

/// In placement's words, with a QEMU that has these devices.
pub async fn traits(config: &QemuConfig, has: impl Fn(&str) -> bool) -> Result<Vec<String>> {
    if config.vtpm == Vtpm::Off {
        return Ok(Vec::new());
    }
    let mut ask = Command::new(&config.swtpm);
    ask.args(["socket", "--tpm2", "--print-capabilities"]).kill_on_drop(true);
    let told = match timeout(PATIENCE, ask.output()).await {
        Err(_) => return Err(Error::unavailable("swtpm does not answer")),
        Ok(Err(e)) if e.kind() == ErrorKind::NotFound => return missing(config),
        Ok(told) => told.doing("asking swtpm what it is")?,
    };
    let told: Value = serde_json::from_slice(&told.stdout).unwrap_or_default();
    let found = of(&told, has);
    if found.is_empty() { missing(config) } else { Ok(found) }
}

fn missing(config: &QemuConfig) -> Result<Vec<String>> {
    match config.vtpm {
        Vtpm::On => {
            Err(Error::conflict("hypervisor.vtpm: on, but there is no swtpm here, or QEMU has no device for it"))
        }
        _ => Ok(Vec::new()),
    }
}

fn of(told: &Value, has: impl Fn(&str) -> bool) -> Vec<String> {
    let can = |feature: &str| told["features"].as_array().is_some_and(|all| all.iter().any(|f| f == feature));
    let versions = [("tpm-1.2", TpmVersion::V1_2), ("tpm-2.0", TpmVersion::V2_0)];
    let models = [("tpm-tis", TpmModel::Tis), ("tpm-crb", TpmModel::Crb)];
    let versions: Vec<_> = versions.into_iter().filter(|(name, _)| can(name)).map(|(_, v)| tpm_version(v)).collect();
    let models: Vec<_> = models.into_iter().filter(|(name, _)| has(name)).map(|(_, m)| tpm_model(m)).collect();
    if versions.is_empty() || models.is_empty() {
        return Vec::new();
    }
    versions.into_iter().chain(models).chain(SECURITY).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn capabilities_become_traits() {
        let told = json!({"type": "swtpm", "features": ["tpm-2.0", "cmdarg-key-fd"]});
        let short = |found: Vec<String>| {
            found.iter().map(|t| t.trim_start_matches("COMPUTE_SECURITY_TPM_").to_owned()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(short(of(&told, |name| name == "tpm-tis")), "2_0 TIS SECRET_SECURITY_USER SECRET_SECURITY_HOST");
        assert_eq!(short(of(&told, |_| false)), "");
        assert_eq!(short(of(&Value::Null, |_| true)), "");
    }

    #[tokio::test]
    async fn on_means_that_it_is_there() {
        let config = |vtpm| QemuConfig { vtpm, swtpm: "/nonexistent/swtpm".into(), ..QemuConfig::new("/") };
        assert_eq!(traits(&config(Vtpm::Auto), |_| true).await.unwrap(), Vec::<String>::new());
        assert_eq!(traits(&config(Vtpm::Off), |_| true).await.unwrap(), Vec::<String>::new());
        let e = traits(&config(Vtpm::On), |_| true).await.unwrap_err();
        assert!(e.message().contains("hypervisor.vtpm"), "{e:?}");
    }
}

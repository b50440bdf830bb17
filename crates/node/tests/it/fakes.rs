//! A member's settings on fakes.

use crate::rig::free_port;
use node::Config;
use std::path::Path;

/// With ports of its own.
pub fn config(dir: &Path) -> Config {
    let mut config = Config::defaults(dir);
    let port = free_port().to_string();
    let settings = [
        ("store.backend", "memory"),
        ("hypervisor.driver", "fake"),
        ("network.driver", "fake"),
        ("volume.driver", "fake"),
        ("identity.bcrypt_rounds", "4"),
        ("agent.port", "0"),
        ("api.port", &port),
    ];
    settings.iter().for_each(|(key, value)| config.set(key, value).unwrap());
    config
}

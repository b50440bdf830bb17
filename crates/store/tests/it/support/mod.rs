//! What the tests share.

pub mod disk;
pub mod etcd;
pub mod objects;
pub mod proxy;
pub mod serial;
pub mod site;

/// A number from the environment, for the longer forms of a test.
pub fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(otherwise)
}

/// Waits until something is so. The time is not asserted, only that the wait ends.
pub async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let patience = std::time::Duration::from_secs(60);
    let wait = async {
        while !so().await {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(patience, wait).await.unwrap_or_else(|_| panic!("waited in vain: {what}"));
}

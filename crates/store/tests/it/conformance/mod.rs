//! What every back end must do. Each test runs on memory, on redb and on a real etcd.

mod leases;
mod limits;
mod outcomes;
mod raw;
mod transactions;
mod values;
mod watching;

/// Makes each function a test on every back end.
macro_rules! on_every_back_end {
    ($($name:ident),+ $(,)?) => {
        on_every_back_end!(@ memory: $($name),+);
        on_every_back_end!(@ redb: $($name),+);
        on_every_back_end!(@ etcd: $($name),+);
    };
    (@ $place:ident: $($name:ident),+) => {
        mod $place {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(crate::support::site::Site::$place().await).await;
            }
        )+}
    };
}
use on_every_back_end;

//! What is stored: plain data.

mod access;
mod container;
mod media;
mod order;
mod secret;
mod store;

pub use access::Access;
pub use container::{Container, ContainerConsumer, ContainerKind, Member};
pub use media::Media;
pub use order::{Order, OrderFault};
pub use secret::{Secret, SecretConsumer, SecretKind};
pub use store::{PreferredStore, SecretStore, TransportKey};

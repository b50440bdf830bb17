//! What handlers take from a request. Every refusal is an [`ApiError`](crate::ApiError), worded by the service's style.

mod accept;
mod body;
mod params;
mod path;

pub use accept::AcceptsJson;
pub(crate) use accept::quality;
pub use body::{Body, JsonBody, body_error, from_value};
pub use params::Params;
pub use path::Path;

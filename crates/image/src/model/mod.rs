//! Images as they are stored. Plain data.

mod image;
mod patch;

pub use image::{Image, Location, Member, MemberStatus, Saving, Status, Visibility};
pub(crate) use patch::{Change, read_patch};

//! Images as they are stored. Plain data.

mod image;
mod metadef;
mod patch;

pub use image::{Image, Location, Member, MemberStatus, Saving, Status, Visibility};
pub use metadef::{
    Association, Namespace, NamespaceVisibility, ObjectDefinition, PropertyDefinition, ResourceType, Stamps,
    TagDefinition,
};
pub(crate) use patch::{Change, read_patch};

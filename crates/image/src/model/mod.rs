//! Images as they are stored. Plain data.

mod cache;
mod image;
mod metadef;
mod patch;
mod task;

pub(crate) use cache::CacheRequest;
pub use image::{Image, Location, Member, MemberStatus, Saving, Staged, Status, Visibility};
pub use metadef::{
    Association, Namespace, NamespaceVisibility, ObjectDefinition, PropertyDefinition, ResourceType, Stamps,
    TagDefinition,
};
pub(crate) use patch::{Change, read_patch};
pub use task::{Task, TaskKind, TaskStatus};

//! What an operation is on, as policy sees it: `user_id` for a variable of the path, `target.user.domain_id` for an attribute
//! of an object, both spelled as Keystone spells them.

use crate::model::{Fields, Group, Project, Role, User};
use policy::Target;
use std::borrow::Cow;

#[derive(Default)]
pub struct On<'a> {
    given: Vec<(&'static str, &'a str)>,
    objects: Vec<(&'static str, &'a dyn Fields)>,
}

macro_rules! objects {
    ($($name:ident: $type:ty),+ $(,)?) => {$(
        /// `None`: there is no such object, so no check about it holds.
        #[must_use]
        pub fn $name(self, object: Option<&'a $type>) -> Self {
            self.object(stringify!($name), object.map(|o| o as &dyn Fields))
        }
    )+};
}

impl<'a> On<'a> {
    /// A variable of the path, or an attribute by its full name.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &'a str) -> Self {
        self.given.push((name, value));
        self
    }

    #[must_use]
    pub fn maybe(self, name: &'static str, value: Option<&'a str>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    #[must_use]
    pub fn object(mut self, name: &'static str, object: Option<&'a dyn Fields>) -> Self {
        self.objects.extend(object.map(|o| (name, o)));
        self
    }

    objects! {
        user: User,
        group: Group,
        project: Project,
        domain: Project,
        role: Role,
        prior_role: Role,
        implied_role: Role,
    }
}

impl Target for On<'_> {
    fn attr(&self, path: &str) -> Option<Cow<'_, str>> {
        if let Some((_, value)) = self.given.iter().find(|(name, _)| *name == path) {
            return Some(Cow::Borrowed(value));
        }
        let (name, attribute) = path.strip_prefix("target.")?.split_once('.')?;
        let (_, object) = self.objects.iter().find(|(n, _)| *n == name)?;
        object.field(attribute).map(|field| field.python())
    }
}

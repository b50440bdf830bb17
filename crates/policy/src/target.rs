//! What is operated on, as checks see it: attributes by path (`project_id`, `target.user.domain_id`, `network:project_id`).

use serde_json::Value;
use std::borrow::Cow;

/// The object of an operation. `None` means that it has no such attribute, which makes every check asking for it fail
/// (and `not` of that check succeed), as in oslo.policy.
pub trait Target {
    fn attr(&self, path: &str) -> Option<Cow<'_, str>>;
}

/// An operation on nothing in particular.
impl Target for () {
    fn attr(&self, _: &str) -> Option<Cow<'_, str>> {
        None
    }
}

impl<T: Target + ?Sized> Target for &T {
    fn attr(&self, path: &str) -> Option<Cow<'_, str>> {
        (**self).attr(path)
    }
}

/// Both first and second: an object and its parent. The first that knows the attribute answers.
impl<A: Target, B: Target> Target for (A, B) {
    fn attr(&self, path: &str) -> Option<Cow<'_, str>> {
        self.0.attr(path).or_else(|| self.1.attr(path))
    }
}

impl Target for [(&str, &str)] {
    fn attr(&self, path: &str) -> Option<Cow<'_, str>> {
        self.iter().find(|(name, _)| *name == path).map(|(_, value)| Cow::Borrowed(*value))
    }
}

impl<const N: usize> Target for [(&str, &str); N] {
    fn attr(&self, path: &str) -> Option<Cow<'_, str>> {
        self.as_slice().attr(path)
    }
}

/// What [`target!`](crate::target) makes.
impl<const N: usize> Target for [(&str, Cow<'_, str>); N] {
    fn attr(&self, path: &str) -> Option<Cow<'_, str>> {
        self.iter().find(|(name, _)| *name == path).map(|(_, value)| Cow::Borrowed(value.as_ref()))
    }
}

/// A JSON tree. A key that is the whole path wins over descending along its dots. Lists and objects have no text.
impl Target for Value {
    fn attr(&self, path: &str) -> Option<Cow<'_, str>> {
        let found = match self.get(path) {
            Some(value) => value,
            None => path.split('.').try_fold(self, |at, key| at.get(key))?,
        };
        match found {
            Value::String(text) => Some(Cow::Borrowed(text)),
            Value::Bool(b) => Some(b.attr_text()),
            Value::Null => Some(Cow::Borrowed("None")),
            Value::Number(n) => Some(Cow::Owned(n.to_string())),
            Value::Array(_) | Value::Object(_) => None,
        }
    }
}

/// The text of a value as Python's `str()` gives it, since that is what policy files compare with: `True`, `None`.
///
/// Typed ids and everything else that derefs to `str` need no implementation of their own: method calls find `str`'s.
pub trait AttrText {
    fn attr_text(&self) -> Cow<'_, str>;
}

impl AttrText for str {
    fn attr_text(&self) -> Cow<'_, str> {
        Cow::Borrowed(self)
    }
}

impl AttrText for bool {
    fn attr_text(&self) -> Cow<'_, str> {
        Cow::Borrowed(if *self { "True" } else { "False" })
    }
}

impl<T: AsRef<str>> AttrText for Option<T> {
    fn attr_text(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.as_ref().map_or("None", AsRef::as_ref))
    }
}

macro_rules! numbers {
    ($($t:ty),+) => {$(
        impl AttrText for $t {
            fn attr_text(&self) -> Cow<'_, str> {
                Cow::Owned(self.to_string())
            }
        }
    )+};
}
numbers!(u8, u16, u32, u64, usize, i32, i64);

/// A target from names and values: `target! { "project_id" => server.project, "user_id" => server.user }`.
/// Values are strings, typed ids, booleans, integers, or an `Option` of a string or id; they are borrowed.
#[macro_export]
macro_rules! target {
    ($($name:expr => $value:expr),+ $(,)?) => {{
        #[allow(unused_imports)]
        use $crate::AttrText as _;
        [$(($name, $value.attr_text())),+]
    }};
}

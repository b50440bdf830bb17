//! That one thing belongs to another, and nothing else about it: a user in a group, an endpoint given to a project.

/// An object whose key is both ids, found by either.
macro_rules! pair {
    (
        $(#[$doc:meta])* $name:ident = $kind:literal,
        $a:ident: $a_id:ty => $of_a:ident,
        $b:ident: $b_id:ty => $of_b:ident $(,)?
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, ::serde::Serialize, ::serde::Deserialize)]
        pub struct $name {
            pub $a: $a_id,
            pub $b: $b_id,
        }

        pub const $of_a: ::store::Index<$name> = ::store::Index::new(0);
        pub const $of_b: ::store::Index<$name> = ::store::Index::new(1);

        impl $name {
            pub fn id($a: &str, $b: &str) -> String {
                format!("{}/{}", $a, $b)
            }
        }

        impl ::store::Object for $name {
            const KIND: &'static str = $kind;
            const INDEXES: &'static [&'static str] = &[stringify!($a), stringify!($b)];
            fn key(&self) -> ::store::Key {
                Self::id(&self.$a, &self.$b).into()
            }
            fn index(&self, sink: &mut ::store::IndexSink<'_>) {
                sink.add($of_a, &self.$a);
                sink.add($of_b, &self.$b);
            }
        }
    };
}
pub(super) use pair;

//! How a service states its rules: constant tables, one entry per operation, made by [`rules!`](crate::rules).

use kernel::Scope;
use serde::Serialize;
use std::fmt;

/// What a token may be scoped to for a rule to apply at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ScopeType {
    System,
    Domain,
    Project,
}

impl ScopeType {
    /// As oslo.policy counts: whatever is neither system nor domain is project, an unscoped token included (it has no
    /// roles, so hardly a check lets it pass).
    pub fn of(scope: &Scope) -> Self {
        match scope {
            Scope::System => Self::System,
            Scope::Domain { .. } => Self::Domain,
            Scope::Project { .. } | Scope::Unscoped => Self::Project,
        }
    }
}

impl fmt::Display for ScopeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::System => "system",
            Self::Domain => "domain",
            Self::Project => "project",
        })
    }
}

/// One policy rule with its default. Always a `static`: its address says which service it belongs to.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// OpenStack's name, which operators use in their files.
    pub name: &'static str,
    /// The default check, in oslo.policy's language.
    pub check: &'static str,
    /// Tokens of another scope are refused before the check is looked at; empty means any scope.
    pub scope: &'static [ScopeType],
    /// The operations it guards: method and path.
    pub ops: &'static [(&'static str, &'static str)],
    pub doc: &'static str,
}

/// A service's whole policy: what it exports as `policy::POLICY` and `node` hands to [`Policies::new`](crate::Policies::new).
#[derive(Debug)]
pub struct ServicePolicy {
    /// `compute`, `network` … : the name an operator's policy file is filed under.
    pub service: &'static str,
    /// Checks that rules refer to by `rule:NAME`; operators may override them like any rule.
    pub base: &'static [(&'static str, &'static str)],
    pub rules: &'static [&'static [&'static Rule]],
    /// What the client reads when refused; `{}` stands for the rule's name.
    pub refusal: &'static str,
}

/// Declares rules and the table `ALL` of them.
///
/// ```
/// policy::rules! {
///     /// Create a server.
///     SERVERS_CREATE = "os_compute_api:servers:create", "rule:project_member_or_admin", [Project], POST "/servers";
///     /// List servers of all projects.
///     SERVERS_ALL = "os_compute_api:servers:index:get_all_tenants", "rule:context_is_admin", [Project],
///         GET "/servers", GET "/servers/detail";
/// }
/// assert_eq!(ALL.len(), 2);
/// assert_eq!(SERVERS_CREATE.doc, "Create a server.");
/// assert_eq!(SERVERS_ALL.ops[1], ("GET", "/servers/detail"));
/// ```
#[macro_export]
macro_rules! rules {
    ($(
        $(#[doc = $doc:literal])+
        $id:ident = $name:expr, $check:expr, [$($scope:ident),* $(,)?] $(, $method:ident $path:literal)* $(,)?;
    )+) => {
        $(
            $(#[doc = $doc])+
            pub static $id: $crate::Rule = $crate::Rule {
                name: $name,
                check: $check,
                scope: &[$($crate::ScopeType::$scope),*],
                ops: &[$((stringify!($method), $path)),*],
                doc: concat!($($doc),+).trim_ascii(),
            };
        )+
        /// Every rule of this table, in the order of declaration.
        pub static ALL: &[&$crate::Rule] = &[$(&$id),+];
    };
}

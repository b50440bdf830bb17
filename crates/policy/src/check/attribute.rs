//! What a check can ask of the credentials, by the names oslo.context, Keystone and Neutron give it.

use kernel::{Credentials, Scope};

/// The answer to an attribute: a text, any of several, or nothing there (which no text equals).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact<'a> {
    Absent,
    Text(&'a str),
    AnyOf(&'a [String]),
}

macro_rules! attributes {
    ($($variant:ident = $path:literal),+ $(,)?) => {
        /// An attribute of the credentials, resolved when parsed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Attribute { $($variant),+ }

        impl Attribute {
            pub const ALL: &'static [Attribute] = &[$(Attribute::$variant),+];

            pub fn path(self) -> &'static str {
                match self { $(Self::$variant => $path),+ }
            }

            pub fn named(path: &str) -> Option<Self> {
                match path { $($path => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

attributes! {
    UserId = "user_id",
    UserName = "user_name",
    UserDomainId = "user_domain_id",
    UserDomainName = "user_domain_name",
    ProjectId = "project_id",
    TenantId = "tenant_id",
    ProjectName = "project_name",
    ProjectDomainId = "project_domain_id",
    ProjectDomainName = "project_domain_name",
    DomainId = "domain_id",
    DomainName = "domain_name",
    SystemScope = "system_scope",
    System = "system",
    Roles = "roles",
    IsAdmin = "is_admin",
    IsAdminProject = "is_admin_project",
    ServiceUserId = "service_user_id",
    ServiceUserDomainId = "service_user_domain_id",
    ServiceProjectId = "service_project_id",
    ServiceProjectDomainId = "service_project_domain_id",
    ServiceRoles = "service_roles",
    TrustId = "trust_id",
    TrustorId = "trustor_id",
    TrusteeId = "trustee_id",
    TokenUserId = "token.user.id",
    TokenUserName = "token.user.name",
    TokenUserDomainId = "token.user.domain.id",
    TokenUserDomainName = "token.user.domain.name",
    TokenProjectId = "token.project.id",
    TokenProjectName = "token.project.name",
    TokenProjectDomainId = "token.project.domain.id",
    TokenProjectDomainName = "token.project.domain.name",
    TokenDomainId = "token.domain.id",
    TokenDomainName = "token.domain.name",
    TokenIsDomain = "token.is_domain",
    TokenSystemAll = "token.system.all",
    TokenRoleNames = "token.roles.name",
    TokenMethods = "token.methods",
}

/// The parts of a project scope.
struct ProjectParts<'a> {
    id: &'a str,
    name: &'a str,
    domain: &'a str,
    domain_name: &'a str,
}

impl Attribute {
    /// What these credentials answer.
    ///
    /// oslo.context fills its flat attributes for every token, so those that do not apply are Python's `None` and equal
    /// the text `None`; Keystone's `token.…` tree holds only what the token's scope has, so those are absent.
    pub fn of(self, who: &Credentials) -> Fact<'_> {
        match self {
            Self::UserId | Self::TokenUserId => Fact::Text(&who.user),
            Self::UserName | Self::TokenUserName => Fact::Text(&who.user_name),
            Self::UserDomainId | Self::TokenUserDomainId => Fact::Text(&who.user_domain),
            Self::UserDomainName | Self::TokenUserDomainName => Fact::Text(&who.user_domain_name),
            Self::ProjectId | Self::TenantId => or_none(project(who).map(|p| p.id)),
            Self::ProjectName => or_none(project(who).map(|p| p.name)),
            Self::ProjectDomainId => or_none(project(who).map(|p| p.domain)),
            Self::ProjectDomainName => or_none(project(who).map(|p| p.domain_name)),
            Self::DomainId => or_none(domain(who).map(|(id, _)| id)),
            Self::DomainName => or_none(domain(who).map(|(_, name)| name)),
            Self::SystemScope => or_none(who.is_system().then_some("all")),
            Self::System => or_absent(who.is_system().then_some("all")),
            Self::Roles | Self::TokenRoleNames => Fact::AnyOf(&who.roles),
            Self::IsAdmin => flag(who.has_role("admin")),
            // oslo.context's default is true; Keystone unsets it for domain scope. There is no admin project here.
            Self::IsAdminProject => flag(domain(who).is_none()),
            Self::ServiceRoles => Fact::AnyOf(&[]),
            Self::ServiceUserId | Self::ServiceUserDomainId | Self::ServiceProjectId | Self::ServiceProjectDomainId => {
                or_none(None)
            }
            Self::TrustId => or_none(who.trust.as_ref().map(|t| t.id.as_str())),
            Self::TrustorId => or_none(who.trust.as_ref().map(|t| t.trustor.as_str())),
            Self::TrusteeId => or_none(who.trust.as_ref().map(|t| t.trustee.as_str())),
            Self::TokenProjectId => or_absent(project(who).map(|p| p.id)),
            Self::TokenProjectName => or_absent(project(who).map(|p| p.name)),
            Self::TokenProjectDomainId => or_absent(project(who).map(|p| p.domain)),
            Self::TokenProjectDomainName => or_absent(project(who).map(|p| p.domain_name)),
            Self::TokenDomainId => or_absent(domain(who).map(|(id, _)| id)),
            Self::TokenDomainName => or_absent(domain(who).map(|(_, name)| name)),
            Self::TokenIsDomain => match &who.scope {
                Scope::Project { is_domain, .. } => flag(*is_domain),
                _ => Fact::Absent,
            },
            Self::TokenSystemAll => or_absent(who.is_system().then_some("True")),
            Self::TokenMethods => Fact::AnyOf(&who.methods),
        }
    }
}

fn project(who: &Credentials) -> Option<ProjectParts<'_>> {
    match &who.scope {
        Scope::Project { id, name, domain, domain_name, .. } => Some(ProjectParts { id, name, domain, domain_name }),
        _ => None,
    }
}

fn domain(who: &Credentials) -> Option<(&str, &str)> {
    match &who.scope {
        Scope::Domain { id, name } => Some((id, name)),
        _ => None,
    }
}

fn or_none(text: Option<&str>) -> Fact<'_> {
    Fact::Text(text.unwrap_or("None"))
}

fn or_absent(text: Option<&str>) -> Fact<'_> {
    text.map_or(Fact::Absent, Fact::Text)
}

fn flag(on: bool) -> Fact<'static> {
    Fact::Text(if on { "True" } else { "False" })
}

//! Compute's rules: Nova's names and defaults, for what is served.

mod actions;
mod cloud;
mod servers;

#[expect(ambiguous_glob_reexports, reason = "each table has its own `ALL`, used here by its module's name only")]
mod names {
    pub use super::{actions::*, cloud::*, servers::*};
}
pub use names::*;

pub static POLICY: policy::ServicePolicy = policy::ServicePolicy {
    service: "compute",
    base: &[
        ("context_is_admin", "role:admin"),
        ("admin_or_owner", "is_admin:True or project_id:%(project_id)s"),
        ("admin_api", "is_admin:True"),
        ("project_manager_api", "role:manager and project_id:%(project_id)s"),
        ("project_member_api", "role:member and project_id:%(project_id)s"),
        ("project_reader_api", "role:reader and project_id:%(project_id)s"),
        ("service_api", "role:service"),
        ("project_manager_or_admin", "rule:project_manager_api or rule:context_is_admin"),
        ("project_member_or_admin", "rule:project_member_api or rule:context_is_admin"),
        ("project_reader_or_admin", "rule:project_reader_api or rule:context_is_admin"),
        ("service_or_admin", "rule:service_api or rule:context_is_admin"),
    ],
    rules: &[servers::ALL, actions::ALL, cloud::ALL],
    refusal: "Policy doesn't allow {} to be performed.",
};

#[cfg(test)]
mod tests {
    #[test]
    fn every_rule_parses_and_links() {
        let enforcer = policy::Enforcer::new(&super::POLICY).unwrap();
        assert!(enforcer.rule("os_compute_api:servers:create").is_some());
    }
}

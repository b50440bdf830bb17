//! Security groups, their rules, and the rules that new groups begin with.

use super::{ADMIN, ADMIN_OR_MANAGER, ADMIN_OR_MEMBER, ADMIN_OR_READER, READER};

policy::rules! {
    /// Create a security group.
    CREATE = "create_security_group", ADMIN_OR_MEMBER, [Project], POST "/v2.0/security-groups";
    /// Add tags to a security group.
    CREATE_TAGS = "create_security_group:tags", ADMIN_OR_MEMBER, [Project], POST "/v2.0/security-groups/{id}/tags";
    /// List and show security groups.
    GET = "get_security_group",
        "(rule:admin_only) or (role:reader and project_id:%(project_id)s) or rule:shared_security_group", [Project],
        GET "/v2.0/security-groups", GET "/v2.0/security-groups/{id}";
    /// List and look up tags of a security group.
    GET_TAGS = "get_security_group:tags",
        "(rule:admin_only) or (role:reader and project_id:%(project_id)s) or rule:shared_security_group", [Project],
        GET "/v2.0/security-groups/{id}/tags", GET "/v2.0/security-groups/{id}/tags/{tag_id}";
    /// Change a security group.
    UPDATE = "update_security_group", ADMIN_OR_MEMBER, [Project], PUT "/v2.0/security-groups/{id}";
    /// Set tags of a security group.
    UPDATE_TAGS = "update_security_group:tags", ADMIN_OR_MEMBER, [Project],
        PUT "/v2.0/security-groups/{id}/tags", PUT "/v2.0/security-groups/{id}/tags/{tag_id}";
    /// Delete a security group.
    DELETE = "delete_security_group", ADMIN_OR_MEMBER, [Project], DELETE "/v2.0/security-groups/{id}";
    /// Remove tags from a security group.
    DELETE_TAGS = "delete_security_group:tags", ADMIN_OR_MEMBER, [Project],
        DELETE "/v2.0/security-groups/{id}/tags", DELETE "/v2.0/security-groups/{id}/tags/{tag_id}";
    /// Create a security group rule.
    RULE_CREATE = "create_security_group_rule", "(rule:admin_only) or (role:member and rule:sg_owner)", [Project],
        POST "/v2.0/security-group-rules";
    /// List and show security group rules.
    RULE_GET = "get_security_group_rule", "(rule:admin_only) or (role:reader and rule:sg_owner)", [Project],
        GET "/v2.0/security-group-rules", GET "/v2.0/security-group-rules/{id}";
    /// Delete a security group rule.
    RULE_DELETE = "delete_security_group_rule", "(rule:admin_only) or (role:member and rule:sg_owner)", [Project],
        DELETE "/v2.0/security-group-rules/{id}";
    /// Create a default security group rule.
    DEFAULT_RULE_CREATE = "create_default_security_group_rule", ADMIN, [Project],
        POST "/v2.0/default-security-group-rules";
    /// List and show default security group rules.
    DEFAULT_RULE_GET = "get_default_security_group_rule", READER, [Project],
        GET "/v2.0/default-security-group-rules", GET "/v2.0/default-security-group-rules/{id}";
    /// Delete a default security group rule.
    DEFAULT_RULE_DELETE = "delete_default_security_group_rule", ADMIN, [Project],
        DELETE "/v2.0/default-security-group-rules/{id}";
    /// Say whether a project's groups are stateful that do not say.
    STATEFULNESS_CREATE = "create_security_groups_default_statefulness", ADMIN_OR_MANAGER, [Project],
        POST "/v2.0/security-groups-default-statefulness";
    /// List and show whether groups are stateful that do not say.
    STATEFULNESS_GET = "get_security_groups_default_statefulness", ADMIN_OR_READER, [Project],
        GET "/v2.0/security-groups-default-statefulness", GET "/v2.0/security-groups-default-statefulness/{id}";
    /// Change whether a project's groups are stateful that do not say.
    STATEFULNESS_UPDATE = "update_security_groups_default_statefulness", ADMIN_OR_MANAGER, [Project],
        PUT "/v2.0/security-groups-default-statefulness/{id}";
    /// Forget whether a project's groups are stateful that do not say.
    STATEFULNESS_DELETE = "delete_security_groups_default_statefulness", ADMIN_OR_MANAGER, [Project],
        DELETE "/v2.0/security-groups-default-statefulness/{id}";
}

//! Trusts.

::policy::rules! {
    /// Create trust.
    CREATE_TRUST = "identity:create_trust", "user_id:%(target.trust.trustor_user_id)s", [Project],
        POST "/v3/OS-TRUST/trusts";
    /// List trusts.
    LIST_TRUSTS = "identity:list_trusts",
        "rule:admin_required or (role:reader and system_scope:all)",
        [System, Project],
        GET "/v3/OS-TRUST/trusts",
        HEAD "/v3/OS-TRUST/trusts";
    /// List trusts for trustor.
    LIST_TRUSTS_FOR_TRUSTOR = "identity:list_trusts_for_trustor",
        "(rule:admin_required) or (role:reader and system_scope:all or user_id:%(target.trust.trustor_user_id)s)",
        [System, Project],
        GET "/v3/OS-TRUST/trusts?trustor_user_id={trustor_user_id}",
        HEAD "/v3/OS-TRUST/trusts?trustor_user_id={trustor_user_id}";
    /// List trusts for trustee.
    LIST_TRUSTS_FOR_TRUSTEE = "identity:list_trusts_for_trustee",
        "(rule:admin_required) or (role:reader and system_scope:all or user_id:%(target.trust.trustee_user_id)s)",
        [System, Project],
        GET "/v3/OS-TRUST/trusts?trustee_user_id={trustee_user_id}",
        HEAD "/v3/OS-TRUST/trusts?trustee_user_id={trustee_user_id}";
    /// List roles delegated by a trust.
    LIST_ROLES_FOR_TRUST = "identity:list_roles_for_trust",
        "(rule:admin_required) or (role:reader and system_scope:all or user_id:%(target.trust.trustor_user_id)s or user_id:%(target.trust.trustee_user_id)s)",
        [System, Project],
        GET "/v3/OS-TRUST/trusts/{trust_id}/roles",
        HEAD "/v3/OS-TRUST/trusts/{trust_id}/roles";
    /// Check if trust delegates a particular role.
    GET_ROLE_FOR_TRUST = "identity:get_role_for_trust",
        "(rule:admin_required) or (role:reader and system_scope:all or user_id:%(target.trust.trustor_user_id)s or user_id:%(target.trust.trustee_user_id)s)",
        [System, Project],
        GET "/v3/OS-TRUST/trusts/{trust_id}/roles/{role_id}",
        HEAD "/v3/OS-TRUST/trusts/{trust_id}/roles/{role_id}";
    /// Revoke trust.
    DELETE_TRUST = "identity:delete_trust",
        "rule:admin_required or user_id:%(target.trust.trustor_user_id)s",
        [System, Project],
        DELETE "/v3/OS-TRUST/trusts/{trust_id}";
    /// Get trust.
    GET_TRUST = "identity:get_trust",
        "(rule:admin_required) or (role:reader and system_scope:all or user_id:%(target.trust.trustor_user_id)s or user_id:%(target.trust.trustee_user_id)s)",
        [System, Project],
        GET "/v3/OS-TRUST/trusts/{trust_id}",
        HEAD "/v3/OS-TRUST/trusts/{trust_id}";
}

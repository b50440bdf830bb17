//! Policies kept for other services, and what they are for.

::policy::rules! {
    /// Show policy details.
    GET_POLICY = "identity:get_policy",
        "rule:admin_required or (role:reader and system_scope:all)",
        [System, Project],
        GET "/v3/policies/{policy_id}";
    /// List policies.
    LIST_POLICIES = "identity:list_policies",
        "rule:admin_required or (role:reader and system_scope:all)",
        [System, Project],
        GET "/v3/policies";
    /// Create policy.
    CREATE_POLICY = "identity:create_policy", "rule:admin_required", [System, Project],
        POST "/v3/policies";
    /// Update policy.
    UPDATE_POLICY = "identity:update_policy", "rule:admin_required", [System, Project],
        PATCH "/v3/policies/{policy_id}";
    /// Delete policy.
    DELETE_POLICY = "identity:delete_policy", "rule:admin_required", [System, Project],
        DELETE "/v3/policies/{policy_id}";
    /// Associate a policy to a specific endpoint.
    CREATE_POLICY_ASSOCIATION_FOR_ENDPOINT = "identity:create_policy_association_for_endpoint",
        "rule:admin_required",
        [System, Project],
        PUT "/v3/policies/{policy_id}/OS-ENDPOINT-POLICY/endpoints/{endpoint_id}";
    /// Check policy association for endpoint.
    CHECK_POLICY_ASSOCIATION_FOR_ENDPOINT = "identity:check_policy_association_for_endpoint",
        "rule:admin_required or (role:reader and system_scope:all)",
        [System, Project],
        GET "/v3/policies/{policy_id}/OS-ENDPOINT-POLICY/endpoints/{endpoint_id}",
        HEAD "/v3/policies/{policy_id}/OS-ENDPOINT-POLICY/endpoints/{endpoint_id}";
    /// Delete policy association for endpoint.
    DELETE_POLICY_ASSOCIATION_FOR_ENDPOINT = "identity:delete_policy_association_for_endpoint",
        "rule:admin_required",
        [System, Project],
        DELETE "/v3/policies/{policy_id}/OS-ENDPOINT-POLICY/endpoints/{endpoint_id}";
    /// Associate a policy to a specific service.
    CREATE_POLICY_ASSOCIATION_FOR_SERVICE = "identity:create_policy_association_for_service",
        "rule:admin_required",
        [System, Project],
        PUT "/v3/policies/{policy_id}/OS-ENDPOINT-POLICY/services/{service_id}";
    /// Check policy association for service.
    CHECK_POLICY_ASSOCIATION_FOR_SERVICE = "identity:check_policy_association_for_service",
        "rule:admin_required or (role:reader and system_scope:all)",
        [System, Project],
        GET "/v3/policies/{policy_id}/OS-ENDPOINT-POLICY/services/{service_id}",
        HEAD "/v3/policies/{policy_id}/OS-ENDPOINT-POLICY/services/{service_id}";
    /// Delete policy association for service.
    DELETE_POLICY_ASSOCIATION_FOR_SERVICE = "identity:delete_policy_association_for_service",
        "rule:admin_required",
        [System, Project],
        DELETE "/v3/policies/{policy_id}/OS-ENDPOINT-POLICY/services/{service_id}";
    /// Associate a policy to a specific region and service combination.
    CREATE_POLICY_ASSOCIATION_FOR_REGION_AND_SERVICE = "identity:create_policy_association_for_region_and_service",
        "rule:admin_required",
        [System, Project],
        PUT "/v3/policies/{policy_id}/OS-ENDPOINT-POLICY/services/{service_id}/regions/{region_id}";
    /// Check policy association for region and service.
    CHECK_POLICY_ASSOCIATION_FOR_REGION_AND_SERVICE = "identity:check_policy_association_for_region_and_service",
        "rule:admin_required or (role:reader and system_scope:all)",
        [System, Project],
        GET "/v3/policies/{policy_id}/OS-ENDPOINT-POLICY/services/{service_id}/regions/{region_id}",
        HEAD "/v3/policies/{policy_id}/OS-ENDPOINT-POLICY/services/{service_id}/regions/{region_id}";
    /// Delete policy association for region and service.
    DELETE_POLICY_ASSOCIATION_FOR_REGION_AND_SERVICE = "identity:delete_policy_association_for_region_and_service",
        "rule:admin_required",
        [System, Project],
        DELETE "/v3/policies/{policy_id}/OS-ENDPOINT-POLICY/services/{service_id}/regions/{region_id}";
    /// Get policy for endpoint.
    GET_POLICY_FOR_ENDPOINT = "identity:get_policy_for_endpoint",
        "rule:admin_required or (role:reader and system_scope:all)",
        [System, Project],
        GET "/v3/endpoints/{endpoint_id}/OS-ENDPOINT-POLICY/policy",
        HEAD "/v3/endpoints/{endpoint_id}/OS-ENDPOINT-POLICY/policy";
    /// List endpoints for policy.
    LIST_ENDPOINTS_FOR_POLICY = "identity:list_endpoints_for_policy",
        "rule:admin_required or (role:reader and system_scope:all)",
        [System, Project],
        GET "/v3/policies/{policy_id}/OS-ENDPOINT-POLICY/endpoints";
}

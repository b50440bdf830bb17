//! Placement's rules. What is not listed is not served (yet).

policy::rules! {
    /// List resource providers.
    PROVIDERS_LIST = "placement:resource_providers:list", "rule:admin_or_service_api", [Project],
        GET "/resource_providers";
    /// Show a resource provider.
    PROVIDERS_SHOW = "placement:resource_providers:show", "rule:admin_or_service_api", [Project],
        GET "/resource_providers/{uuid}";
    /// List a resource provider's inventories.
    INVENTORIES_LIST = "placement:resource_providers:inventories:list", "rule:admin_or_service_api", [Project],
        GET "/resource_providers/{uuid}/inventories";
    /// Show one inventory of a resource provider.
    INVENTORIES_SHOW = "placement:resource_providers:inventories:show", "rule:admin_or_service_api", [Project],
        GET "/resource_providers/{uuid}/inventories/{resource_class}";
    /// List a resource provider's aggregates.
    AGGREGATES_LIST = "placement:resource_providers:aggregates:list", "rule:admin_or_service_api", [Project],
        GET "/resource_providers/{uuid}/aggregates";
    /// List a resource provider's traits.
    PROVIDER_TRAITS_LIST = "placement:resource_providers:traits:list", "rule:admin_or_service_api", [Project],
        GET "/resource_providers/{uuid}/traits";
    /// Show what is used of a resource provider.
    PROVIDER_USAGES = "placement:resource_providers:usages", "rule:admin_or_service_api", [Project],
        GET "/resource_providers/{uuid}/usages";
    /// List the allocations against a resource provider.
    PROVIDER_ALLOCATIONS = "placement:resource_providers:allocations:list", "rule:admin_or_service_api", [Project],
        GET "/resource_providers/{uuid}/allocations";
    /// Show a consumer's allocations.
    ALLOCATIONS_LIST = "placement:allocations:list", "rule:admin_or_service_api", [Project],
        GET "/allocations/{consumer_uuid}";
    /// Sum up what a project uses.
    TOTAL_USAGES = "placement:usages", "rule:admin_or_project_reader_or_service_api", [Project],
        GET "/usages";
    /// List resource classes.
    CLASSES_LIST = "placement:resource_classes:list", "rule:admin_or_service_api", [Project],
        GET "/resource_classes";
    /// Show a resource class.
    CLASSES_SHOW = "placement:resource_classes:show", "rule:admin_or_service_api", [Project],
        GET "/resource_classes/{name}";
    /// List traits.
    TRAITS_LIST = "placement:traits:list", "rule:admin_or_service_api", [Project],
        GET "/traits";
    /// Show whether a trait exists.
    TRAITS_SHOW = "placement:traits:show", "rule:admin_or_service_api", [Project],
        GET "/traits/{name}";
    /// List what could satisfy a request.
    CANDIDATES_LIST = "placement:allocation_candidates:list", "rule:admin_or_service_api", [Project],
        GET "/allocation_candidates";
}

pub static POLICY: policy::ServicePolicy = policy::ServicePolicy {
    service: "placement",
    base: &[
        ("admin_api", "role:admin"),
        ("service_api", "role:service"),
        ("admin_or_service_api", "role:admin or role:service"),
        ("project_reader_api", "role:reader and project_id:%(project_id)s"),
        ("admin_or_project_reader_or_service_api", "role:admin or rule:project_reader_api or role:service"),
    ],
    rules: &[ALL],
    refusal: "Policy does not allow {} to be performed.",
};

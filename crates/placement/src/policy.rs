//! Placement's rules by name, with placement's defaults (secure RBAC).

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
    /// Create a resource provider.
    PROVIDERS_CREATE = "placement:resource_providers:create", "rule:admin_or_service_api", [Project],
        POST "/resource_providers";
    /// Rename or move a resource provider.
    PROVIDERS_UPDATE = "placement:resource_providers:update", "rule:admin_or_service_api", [Project],
        PUT "/resource_providers/{uuid}";
    /// Delete a resource provider.
    PROVIDERS_DELETE = "placement:resource_providers:delete", "rule:admin_or_service_api", [Project],
        DELETE "/resource_providers/{uuid}";
    /// Give a resource provider one more inventory.
    INVENTORIES_CREATE = "placement:resource_providers:inventories:create", "rule:admin_or_service_api", [Project],
        POST "/resource_providers/{uuid}/inventories";
    /// Change a resource provider's inventories.
    INVENTORIES_UPDATE = "placement:resource_providers:inventories:update", "rule:admin_or_service_api", [Project],
        PUT "/resource_providers/{uuid}/inventories", PUT "/resource_providers/{uuid}/inventories/{resource_class}";
    /// Delete a resource provider's inventories.
    INVENTORIES_DELETE = "placement:resource_providers:inventories:delete", "rule:admin_or_service_api", [Project],
        DELETE "/resource_providers/{uuid}/inventories", DELETE "/resource_providers/{uuid}/inventories/{resource_class}";
    /// Say which aggregates a resource provider is in.
    AGGREGATES_UPDATE = "placement:resource_providers:aggregates:update", "rule:admin_or_service_api", [Project],
        PUT "/resource_providers/{uuid}/aggregates";
    /// Say which traits a resource provider has.
    PROVIDER_TRAITS_UPDATE = "placement:resource_providers:traits:update", "rule:admin_or_service_api", [Project],
        PUT "/resource_providers/{uuid}/traits";
    /// Take all traits from a resource provider.
    PROVIDER_TRAITS_DELETE = "placement:resource_providers:traits:delete", "rule:admin_or_service_api", [Project],
        DELETE "/resource_providers/{uuid}/traits";
    /// Write the allocations of several consumers at once.
    ALLOCATIONS_MANAGE = "placement:allocations:manage", "rule:admin_or_service_api", [Project],
        POST "/allocations";
    /// Write a consumer's allocations.
    ALLOCATIONS_UPDATE = "placement:allocations:update", "rule:admin_or_service_api", [Project],
        PUT "/allocations/{consumer_uuid}";
    /// Delete a consumer's allocations.
    ALLOCATIONS_DELETE = "placement:allocations:delete", "rule:admin_or_service_api", [Project],
        DELETE "/allocations/{consumer_uuid}";
    /// Make a resource class.
    CLASSES_CREATE = "placement:resource_classes:create", "rule:admin_or_service_api", [Project],
        POST "/resource_classes";
    /// Make or rename a resource class.
    CLASSES_UPDATE = "placement:resource_classes:update", "rule:admin_or_service_api", [Project],
        PUT "/resource_classes/{name}";
    /// Delete a resource class.
    CLASSES_DELETE = "placement:resource_classes:delete", "rule:admin_or_service_api", [Project],
        DELETE "/resource_classes/{name}";
    /// Make a trait.
    TRAITS_UPDATE = "placement:traits:update", "rule:admin_or_service_api", [Project],
        PUT "/traits/{name}";
    /// Delete a trait.
    TRAITS_DELETE = "placement:traits:delete", "rule:admin_or_service_api", [Project],
        DELETE "/traits/{name}";
    /// Move inventories and allocations between resource providers at once.
    RESHAPE = "placement:reshaper:reshape", "rule:service_api", [Project],
        POST "/reshaper";
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

//! Cinder's rules by name, with Cinder's defaults (secure RBAC, "xena" generation).

use ::policy::ServicePolicy;

::policy::rules! {
    /// Create a volume.
    CREATE = "volume:create", "rule:xena_system_admin_or_project_member", [Project], POST "/v3/volumes";
    /// Show a volume.
    GET = "volume:get", "rule:xena_system_admin_or_project_reader", [Project], GET "/v3/volumes/{volume_id}";
    /// List volumes.
    GET_ALL = "volume:get_all", "rule:xena_system_admin_or_project_reader", [Project], GET "/v3/volumes";
    /// Change a volume's name, description or metadata.
    UPDATE = "volume:update", "rule:xena_system_admin_or_project_member", [Project], PUT "/v3/volumes/{volume_id}";
    /// Delete a volume.
    DELETE = "volume:delete", "rule:xena_system_admin_or_project_member", [Project], DELETE "/v3/volumes/{volume_id}";
    /// Grow a volume.
    EXTEND = "volume:extend", "rule:xena_system_admin_or_project_member", [Project], POST "/v3/volumes/{volume_id}/action";
    /// Set a volume's status by hand.
    RESET_STATUS = "volume_extension:volume_admin_actions:reset_status", "rule:admin_api", [Project], POST "/v3/volumes/{volume_id}/action";
    /// Make an image of a volume.
    UPLOAD = "volume_extension:volume_actions:upload_image", "rule:xena_system_admin_or_project_member", [Project], POST "/v3/volumes/{volume_id}/action";
    /// See where a volume is.
    HOST_ATTRIBUTE = "volume_extension:volume_host_attribute", "rule:admin_api", [Project], GET "/v3/volumes/{volume_id}";
    /// Create a snapshot.
    SNAPSHOT_CREATE = "volume:create_snapshot", "rule:xena_system_admin_or_project_member", [Project], POST "/v3/snapshots";
    /// Show a snapshot.
    SNAPSHOT_GET = "volume:get_snapshot", "rule:xena_system_admin_or_project_reader", [Project], GET "/v3/snapshots/{snapshot_id}";
    /// List snapshots.
    SNAPSHOT_GET_ALL = "volume:get_all_snapshots", "rule:xena_system_admin_or_project_reader", [Project], GET "/v3/snapshots";
    /// Change a snapshot's name, description or metadata.
    SNAPSHOT_UPDATE = "volume:update_snapshot", "rule:xena_system_admin_or_project_member", [Project], PUT "/v3/snapshots/{snapshot_id}";
    /// Delete a snapshot.
    SNAPSHOT_DELETE = "volume:delete_snapshot", "rule:xena_system_admin_or_project_member", [Project], DELETE "/v3/snapshots/{snapshot_id}";
    /// Create an attachment.
    ATTACHMENT_CREATE = "volume:attachment_create", "rule:xena_system_admin_or_project_member", [Project], POST "/v3/attachments";
    /// Show or list attachments (Cinder asks nothing but visibility).
    ATTACHMENT_GET = "volume:attachment_get", "rule:xena_system_admin_or_project_reader", [Project], GET "/v3/attachments";
    /// Connect an attachment.
    ATTACHMENT_UPDATE = "volume:attachment_update", "rule:xena_system_admin_or_project_member", [Project], PUT "/v3/attachments/{attachment_id}";
    /// Complete an attachment.
    ATTACHMENT_COMPLETE = "volume:attachment_complete", "rule:xena_system_admin_or_project_member", [Project], POST "/v3/attachments/{attachment_id}/action";
    /// Delete an attachment.
    ATTACHMENT_DELETE = "volume:attachment_delete", "rule:xena_system_admin_or_project_member", [Project], DELETE "/v3/attachments/{attachment_id}";
    /// Show or list volume types.
    TYPE_GET = "volume_extension:type_get", "rule:xena_system_admin_or_project_reader", [Project], GET "/v3/types";
    /// Create a volume type.
    TYPE_CREATE = "volume_extension:type_create", "rule:admin_api", [Project], POST "/v3/types";
    /// Change a volume type.
    TYPE_UPDATE = "volume_extension:type_update", "rule:admin_api", [Project], PUT "/v3/types/{type_id}";
    /// Delete a volume type.
    TYPE_DELETE = "volume_extension:type_delete", "rule:admin_api", [Project], DELETE "/v3/types/{type_id}";
    /// Change a type's extra specs.
    TYPE_SPECS = "volume_extension:types_extra_specs:create", "rule:admin_api", [Project], POST "/v3/types/{type_id}/extra_specs";
    /// Show quotas.
    QUOTA_SHOW = "volume_extension:quotas:show", "rule:xena_system_admin_or_project_reader", [Project], GET "/v3/os-quota-sets/{project_id}";
    /// Change quotas.
    QUOTA_UPDATE = "volume_extension:quotas:update", "rule:admin_api", [Project], PUT "/v3/os-quota-sets/{project_id}";
    /// Back to the default quotas.
    QUOTA_DELETE = "volume_extension:quotas:delete", "rule:admin_api", [Project], DELETE "/v3/os-quota-sets/{project_id}";
    /// Limits and usage of the caller's project.
    LIMITS = "limits_extension:used_limits", "rule:xena_system_admin_or_project_reader", [Project], GET "/v3/limits";
    /// List services.
    SERVICES = "volume_extension:services:index", "rule:admin_api", [Project], GET "/v3/os-services";
    /// List pools.
    POOLS = "scheduler_extension:scheduler_stats:get_pools", "rule:admin_api", [Project], GET "/v3/scheduler-stats/get_pools";
    /// List extensions and zones.
    INFO = "volume:availability_zone_list", "", [Project], GET "/v3/os-availability-zone";
}

pub static POLICY: ServicePolicy = ServicePolicy {
    service: "volume",
    rules: &[ALL],
    base: &[
        ("admin_api", "role:admin"),
        ("context_is_admin", "role:admin"),
        ("xena_system_admin_or_project_reader", "rule:admin_api or (role:reader and project_id:%(project_id)s)"),
        ("xena_system_admin_or_project_member", "rule:admin_api or (role:member and project_id:%(project_id)s)"),
    ],
    refusal: "Policy doesn't allow {} to be performed.",
};

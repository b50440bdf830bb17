//! Cinder's rules by name, with Cinder's defaults (secure RBAC, "xena" generation).

use ::policy::ServicePolicy;

::policy::rules! {
    /// Create a volume.
    CREATE = "volume:create", "rule:xena_system_admin_or_project_member", [Project], POST "/v3/volumes";
    /// Create a volume from an image.
    CREATE_FROM_IMAGE = "volume:create_from_image", "rule:xena_system_admin_or_project_member", [Project], POST "/v3/volumes";
    /// Create a volume that several servers may have.
    MULTIATTACH = "volume:multiattach", "rule:xena_system_admin_or_project_member", [Project], POST "/v3/volumes";
    /// Show a volume.
    GET = "volume:get", "rule:xena_system_admin_or_project_reader", [Project], GET "/v3/volumes/{volume_id}";
    /// List volumes.
    GET_ALL = "volume:get_all", "rule:xena_system_admin_or_project_reader", [Project], GET "/v3/volumes";
    /// Change a volume's name, description or bootable flag.
    UPDATE = "volume:update", "rule:xena_system_admin_or_project_member", [Project], PUT "/v3/volumes/{volume_id}";
    /// Delete a volume.
    DELETE = "volume:delete", "rule:xena_system_admin_or_project_member", [Project], DELETE "/v3/volumes/{volume_id}";
    /// Delete a volume whatever its status.
    FORCE_DELETE = "volume_extension:volume_admin_actions:force_delete", "rule:admin_api", [Project], POST "/v3/volumes/{volume_id}/action";
    /// Grow a volume.
    EXTEND = "volume:extend", "rule:xena_system_admin_or_project_member", [Project], POST "/v3/volumes/{volume_id}/action";
    /// Grow a volume that a server has.
    EXTEND_ATTACHED = "volume:extend_attached_volume", "rule:xena_system_admin_or_project_member", [Project], POST "/v3/volumes/{volume_id}/action";
    /// Say how growing an attached volume ended.
    EXTEND_COMPLETION = "volume_extension:volume_admin_actions:extend_volume_completion", "rule:admin_api", [Project], POST "/v3/volumes/{volume_id}/action";
    /// Turn a volume back to its latest snapshot.
    REVERT = "volume:revert_to_snapshot", "rule:xena_system_admin_or_project_member", [Project], POST "/v3/volumes/{volume_id}/action";
    /// Give a volume another type.
    RETYPE = "volume:retype", "rule:xena_system_admin_or_project_member", [Project], POST "/v3/volumes/{volume_id}/action";
    /// Make a volume read-only, or writable again.
    READONLY = "volume:update_readonly_flag", "rule:xena_system_admin_or_project_member", [Project], POST "/v3/volumes/{volume_id}/action";
    /// Write an image over a volume.
    REIMAGE = "volume:reimage", "rule:xena_system_admin_or_project_member", [Project], POST "/v3/volumes/{volume_id}/action";
    /// Write an image over a reserved volume.
    REIMAGE_RESERVED = "volume:reimage_reserved", "rule:xena_system_admin_or_project_member", [Project], POST "/v3/volumes/{volume_id}/action";
    /// Set a volume's status by hand.
    RESET_STATUS = "volume_extension:volume_admin_actions:reset_status", "rule:admin_api", [Project], POST "/v3/volumes/{volume_id}/action";
    /// Take a volume from a server that is gone.
    FORCE_DETACH = "volume_extension:volume_admin_actions:force_detach", "rule:admin_api", [Project], POST "/v3/volumes/{volume_id}/action";
    /// Move a volume to another pool.
    MIGRATE = "volume_extension:volume_admin_actions:migrate_volume", "rule:admin_api", [Project], POST "/v3/volumes/{volume_id}/action";
    /// End a volume's move.
    MIGRATE_COMPLETION = "volume_extension:volume_admin_actions:migrate_volume_completion", "rule:admin_api", [Project], POST "/v3/volumes/{volume_id}/action";
    /// Make an image of a volume.
    UPLOAD = "volume_extension:volume_actions:upload_image", "rule:xena_system_admin_or_project_member", [Project], POST "/v3/volumes/{volume_id}/action";
    /// Make a public image of a volume.
    UPLOAD_PUBLIC = "volume_extension:volume_actions:upload_public", "rule:admin_api", [Project], POST "/v3/volumes/{volume_id}/action";
    /// Export a volume for a host.
    CONNECT = "volume_extension:volume_actions:initialize_connection", "rule:xena_system_admin_or_project_member", [Project], POST "/v3/volumes/{volume_id}/action";
    /// End a volume's export.
    DISCONNECT = "volume_extension:volume_actions:terminate_connection", "rule:xena_system_admin_or_project_member", [Project], POST "/v3/volumes/{volume_id}/action";
    /// Take a detach back.
    ROLL_DETACHING = "volume_extension:volume_actions:roll_detaching", "rule:xena_system_admin_or_project_member", [Project], POST "/v3/volumes/{volume_id}/action";
    /// Reserve a volume.
    RESERVE = "volume_extension:volume_actions:reserve", "rule:xena_system_admin_or_project_member", [Project], POST "/v3/volumes/{volume_id}/action";
    /// Let a reserved volume go.
    UNRESERVE = "volume_extension:volume_actions:unreserve", "rule:xena_system_admin_or_project_member", [Project], POST "/v3/volumes/{volume_id}/action";
    /// Begin to detach a volume.
    BEGIN_DETACHING = "volume_extension:volume_actions:begin_detaching", "rule:xena_system_admin_or_project_member", [Project], POST "/v3/volumes/{volume_id}/action";
    /// Record that a server has a volume.
    ATTACH = "volume_extension:volume_actions:attach", "rule:xena_system_admin_or_project_member", [Project], POST "/v3/volumes/{volume_id}/action";
    /// Record that a server has let a volume go.
    DETACH = "volume_extension:volume_actions:detach", "rule:xena_system_admin_or_project_member", [Project], POST "/v3/volumes/{volume_id}/action";
    /// List what lies on a back end, known or not.
    MANAGEABLE_LIST = "volume_extension:list_manageable", "rule:admin_api", [Project], GET "/v3/manageable_volumes";
    /// Take over a volume that lies on a back end.
    MANAGE = "volume_extension:volume_manage", "rule:admin_api", [Project], POST "/v3/manageable_volumes";
    /// Forget a volume and leave it on its back end.
    UNMANAGE = "volume_extension:volume_unmanage", "rule:admin_api", [Project], POST "/v3/volumes/{volume_id}/action";
    /// Show a volume's metadata.
    METADATA_GET = "volume:get_volume_metadata", "rule:xena_system_admin_or_project_reader", [Project], GET "/v3/volumes/{volume_id}/metadata";
    /// Add to a volume's metadata.
    METADATA_CREATE = "volume:create_volume_metadata", "rule:xena_system_admin_or_project_member", [Project], POST "/v3/volumes/{volume_id}/metadata";
    /// Replace a volume's metadata.
    METADATA_UPDATE = "volume:update_volume_metadata", "rule:xena_system_admin_or_project_member", [Project], PUT "/v3/volumes/{volume_id}/metadata";
    /// Remove from a volume's metadata.
    METADATA_DELETE = "volume:delete_volume_metadata", "rule:xena_system_admin_or_project_member", [Project], DELETE "/v3/volumes/{volume_id}/metadata/{key}";
    /// See a volume's image metadata.
    IMAGE_METADATA_SHOW = "volume_extension:volume_image_metadata:show", "rule:xena_system_admin_or_project_reader", [Project], GET "/v3/volumes/{volume_id}";
    /// Set a volume's image metadata.
    IMAGE_METADATA_SET = "volume_extension:volume_image_metadata:set", "rule:xena_system_admin_or_project_member", [Project], POST "/v3/volumes/{volume_id}/action";
    /// Remove from a volume's image metadata.
    IMAGE_METADATA_REMOVE = "volume_extension:volume_image_metadata:remove", "rule:xena_system_admin_or_project_member", [Project], POST "/v3/volumes/{volume_id}/action";
    /// See how a volume is encrypted.
    ENCRYPTION_METADATA = "volume_extension:volume_encryption_metadata", "rule:xena_system_admin_or_project_reader", [Project], GET "/v3/volumes/{volume_id}/encryption";
    /// See where a volume is.
    HOST_ATTRIBUTE = "volume_extension:volume_host_attribute", "rule:admin_api", [Project], GET "/v3/volumes/{volume_id}";
    /// Create a snapshot.
    SNAPSHOT_CREATE = "volume:create_snapshot", "rule:xena_system_admin_or_project_member", [Project], POST "/v3/snapshots";
    /// Show a snapshot.
    SNAPSHOT_GET = "volume:get_snapshot", "rule:xena_system_admin_or_project_reader", [Project], GET "/v3/snapshots/{snapshot_id}";
    /// List snapshots.
    SNAPSHOT_GET_ALL = "volume:get_all_snapshots", "rule:xena_system_admin_or_project_reader", [Project], GET "/v3/snapshots";
    /// Change a snapshot's name or description.
    SNAPSHOT_UPDATE = "volume:update_snapshot", "rule:xena_system_admin_or_project_member", [Project], PUT "/v3/snapshots/{snapshot_id}";
    /// Delete a snapshot.
    SNAPSHOT_DELETE = "volume:delete_snapshot", "rule:xena_system_admin_or_project_member", [Project], DELETE "/v3/snapshots/{snapshot_id}";
    /// Show a snapshot's metadata.
    SNAPSHOT_METADATA_GET = "volume:get_snapshot_metadata", "rule:xena_system_admin_or_project_reader", [Project], GET "/v3/snapshots/{snapshot_id}/metadata";
    /// Change a snapshot's metadata.
    SNAPSHOT_METADATA_UPDATE = "volume:update_snapshot_metadata", "rule:xena_system_admin_or_project_member", [Project], POST "/v3/snapshots/{snapshot_id}/metadata";
    /// Remove from a snapshot's metadata.
    SNAPSHOT_METADATA_DELETE = "volume:delete_snapshot_metadata", "rule:xena_system_admin_or_project_member", [Project], DELETE "/v3/snapshots/{snapshot_id}/metadata/{key}";
    /// Set a snapshot's status by hand.
    SNAPSHOT_RESET = "volume_extension:snapshot_admin_actions:reset_status", "rule:admin_api", [Project], POST "/v3/snapshots/{snapshot_id}/action";
    /// Delete a snapshot whatever its status.
    SNAPSHOT_FORCE_DELETE = "volume_extension:snapshot_admin_actions:force_delete", "rule:admin_api", [Project], POST "/v3/snapshots/{snapshot_id}/action";
    /// Say how making or deleting a snapshot goes.
    SNAPSHOT_STATUS = "snapshot_extension:snapshot_actions:update_snapshot_status", "rule:xena_system_admin_or_project_member", [Project], POST "/v3/snapshots/{snapshot_id}/action";
    /// List snapshots that lie on a back end, known or not.
    SNAPSHOT_MANAGEABLE_LIST = "snapshot_extension:list_manageable", "rule:admin_api", [Project], GET "/v3/manageable_snapshots";
    /// Take over a snapshot that lies on a back end.
    SNAPSHOT_MANAGE = "snapshot_extension:snapshot_manage", "rule:admin_api", [Project], POST "/v3/manageable_snapshots";
    /// Forget a snapshot and leave it on its back end.
    SNAPSHOT_UNMANAGE = "snapshot_extension:snapshot_unmanage", "rule:admin_api", [Project], POST "/v3/snapshots/{snapshot_id}/action";
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
    /// Show a volume type.
    TYPE_GET = "volume_extension:type_get", "rule:xena_system_admin_or_project_reader", [Project], GET "/v3/types/{type_id}";
    /// List volume types.
    TYPE_GET_ALL = "volume_extension:type_get_all", "rule:xena_system_admin_or_project_reader", [Project], GET "/v3/types";
    /// Create a volume type.
    TYPE_CREATE = "volume_extension:type_create", "rule:admin_api", [Project], POST "/v3/types";
    /// Change a volume type.
    TYPE_UPDATE = "volume_extension:type_update", "rule:admin_api", [Project], PUT "/v3/types/{type_id}";
    /// Delete a volume type.
    TYPE_DELETE = "volume_extension:type_delete", "rule:admin_api", [Project], DELETE "/v3/types/{type_id}";
    /// See a type's extra specs with the type.
    TYPE_SEE_SPECS = "volume_extension:access_types_extra_specs", "rule:xena_system_admin_or_project_reader", [Project], GET "/v3/types/{type_id}";
    /// See a type's QoS specs with the type.
    TYPE_SEE_QOS = "volume_extension:access_types_qos_specs_id", "rule:admin_api", [Project], GET "/v3/types/{type_id}";
    /// List a type's extra specs.
    SPECS_INDEX = "volume_extension:types_extra_specs:index", "rule:xena_system_admin_or_project_reader", [Project], GET "/v3/types/{type_id}/extra_specs";
    /// Show one of a type's extra specs.
    SPECS_SHOW = "volume_extension:types_extra_specs:show", "rule:xena_system_admin_or_project_reader", [Project], GET "/v3/types/{type_id}/extra_specs/{key}";
    /// See the extra specs that say how the cloud is built.
    SPECS_SENSITIVE = "volume_extension:types_extra_specs:read_sensitive", "rule:admin_api", [Project], GET "/v3/types/{type_id}/extra_specs";
    /// Add extra specs.
    SPECS_CREATE = "volume_extension:types_extra_specs:create", "rule:admin_api", [Project], POST "/v3/types/{type_id}/extra_specs";
    /// Change an extra spec.
    SPECS_UPDATE = "volume_extension:types_extra_specs:update", "rule:admin_api", [Project], PUT "/v3/types/{type_id}/extra_specs/{key}";
    /// Remove an extra spec.
    SPECS_DELETE = "volume_extension:types_extra_specs:delete", "rule:admin_api", [Project], DELETE "/v3/types/{type_id}/extra_specs/{key}";
    /// See whether a type is public.
    TYPE_ACCESS = "volume_extension:volume_type_access", "rule:xena_system_admin_or_project_member", [Project], GET "/v3/types";
    /// Let a project use a private type.
    ACCESS_ADD = "volume_extension:volume_type_access:addProjectAccess", "rule:admin_api", [Project], POST "/v3/types/{type_id}/action";
    /// Take a private type from a project.
    ACCESS_REMOVE = "volume_extension:volume_type_access:removeProjectAccess", "rule:admin_api", [Project], POST "/v3/types/{type_id}/action";
    /// List the projects that may use a private type.
    ACCESS_LIST = "volume_extension:volume_type_access:get_all_for_type", "rule:admin_api", [Project], GET "/v3/types/{type_id}/os-volume-type-access";
    /// Have a type's volumes encrypted.
    ENCRYPTION_CREATE = "volume_extension:volume_type_encryption:create", "rule:admin_api", [Project], POST "/v3/types/{type_id}/encryption";
    /// See how a type's volumes are encrypted.
    ENCRYPTION_GET = "volume_extension:volume_type_encryption:get", "rule:admin_api", [Project], GET "/v3/types/{type_id}/encryption";
    /// Change how a type's volumes are encrypted.
    ENCRYPTION_UPDATE = "volume_extension:volume_type_encryption:update", "rule:admin_api", [Project], PUT "/v3/types/{type_id}/encryption/{encryption_id}";
    /// Have a type's volumes no more encrypted.
    ENCRYPTION_DELETE = "volume_extension:volume_type_encryption:delete", "rule:admin_api", [Project], DELETE "/v3/types/{type_id}/encryption/{encryption_id}";
    /// List QoS specs.
    QOS_GET_ALL = "volume_extension:qos_specs_manage:get_all", "rule:admin_api", [Project], GET "/v3/qos-specs";
    /// Show QoS specs.
    QOS_GET = "volume_extension:qos_specs_manage:get", "rule:admin_api", [Project], GET "/v3/qos-specs/{qos_id}";
    /// Create QoS specs.
    QOS_CREATE = "volume_extension:qos_specs_manage:create", "rule:admin_api", [Project], POST "/v3/qos-specs";
    /// Change QoS specs and what they are for.
    QOS_UPDATE = "volume_extension:qos_specs_manage:update", "rule:admin_api", [Project], PUT "/v3/qos-specs/{qos_id}";
    /// Delete QoS specs.
    QOS_DELETE = "volume_extension:qos_specs_manage:delete", "rule:admin_api", [Project], DELETE "/v3/qos-specs/{qos_id}";
    /// Set a project's default type.
    DEFAULT_TYPE_SET = "volume_extension:default_set_or_update", "rule:admin_api", [Project], PUT "/v3/default-types/{project_id}";
    /// Show a project's default type.
    DEFAULT_TYPE_GET = "volume_extension:default_get", "rule:admin_api", [Project], GET "/v3/default-types/{project_id}";
    /// List projects' default types.
    DEFAULT_TYPE_GET_ALL = "volume_extension:default_get_all", "rule:admin_api", [Project], GET "/v3/default-types";
    /// Take a project's default type away.
    DEFAULT_TYPE_UNSET = "volume_extension:default_unset", "rule:admin_api", [Project], DELETE "/v3/default-types/{project_id}";
    /// List transfers.
    TRANSFER_GET_ALL = "volume:get_all_transfers", "rule:xena_system_admin_or_project_reader", [Project], GET "/v3/volume-transfers";
    /// Show a transfer.
    TRANSFER_GET = "volume:get_transfer", "rule:xena_system_admin_or_project_reader", [Project], GET "/v3/volume-transfers/{transfer_id}";
    /// Offer a volume to another project.
    TRANSFER_CREATE = "volume:create_transfer", "rule:xena_system_admin_or_project_member", [Project], POST "/v3/volume-transfers";
    /// Take a volume that is offered.
    TRANSFER_ACCEPT = "volume:accept_transfer", "rule:xena_system_admin_or_project_member", [Project], POST "/v3/volume-transfers/{transfer_id}/accept";
    /// Take an offer back.
    TRANSFER_DELETE = "volume:delete_transfer", "rule:xena_system_admin_or_project_member", [Project], DELETE "/v3/volume-transfers/{transfer_id}";
    /// List messages.
    MESSAGE_GET_ALL = "message:get_all", "rule:xena_system_admin_or_project_reader", [Project], GET "/v3/messages";
    /// Show a message.
    MESSAGE_GET = "message:get", "rule:xena_system_admin_or_project_reader", [Project], GET "/v3/messages/{message_id}";
    /// Delete a message.
    MESSAGE_DELETE = "message:delete", "rule:xena_system_admin_or_project_member", [Project], DELETE "/v3/messages/{message_id}";
    /// List backups.
    BACKUP_GET_ALL = "backup:get_all", "rule:xena_system_admin_or_project_reader", [Project], GET "/v3/backups";
    /// See whose a backup is.
    BACKUP_PROJECT = "backup:backup_project_attribute", "rule:admin_api", [Project], GET "/v3/backups/{backup_id}";
    /// Create a backup.
    BACKUP_CREATE = "backup:create", "rule:xena_system_admin_or_project_member", [Project], POST "/v3/backups";
    /// Show a backup.
    BACKUP_GET = "backup:get", "rule:xena_system_admin_or_project_reader", [Project], GET "/v3/backups/{backup_id}";
    /// Change a backup's name, description or metadata.
    BACKUP_UPDATE = "backup:update", "rule:xena_system_admin_or_project_member", [Project], PUT "/v3/backups/{backup_id}";
    /// Delete a backup.
    BACKUP_DELETE = "backup:delete", "rule:xena_system_admin_or_project_member", [Project], DELETE "/v3/backups/{backup_id}";
    /// Restore a backup.
    BACKUP_RESTORE = "backup:restore", "rule:xena_system_admin_or_project_member", [Project], POST "/v3/backups/{backup_id}/restore";
    /// Make a backup known from its record.
    BACKUP_IMPORT = "backup:backup-import", "rule:admin_api", [Project], POST "/v3/backups/import_record";
    /// Give a backup's record out.
    BACKUP_EXPORT = "backup:export-import", "rule:admin_api", [Project], GET "/v3/backups/{backup_id}/export_record";
    /// Set a backup's status by hand.
    BACKUP_RESET = "volume_extension:backup_admin_actions:reset_status", "rule:admin_api", [Project], POST "/v3/backups/{backup_id}/action";
    /// Delete a backup whatever its status.
    BACKUP_FORCE_DELETE = "volume_extension:backup_admin_actions:force_delete", "rule:admin_api", [Project], POST "/v3/backups/{backup_id}/action";
    /// Create a group type.
    GROUP_TYPE_CREATE = "group:group_types:create", "rule:admin_api", [Project], POST "/v3/group_types";
    /// Change a group type.
    GROUP_TYPE_UPDATE = "group:group_types:update", "rule:admin_api", [Project], PUT "/v3/group_types/{group_type_id}";
    /// Delete a group type.
    GROUP_TYPE_DELETE = "group:group_types:delete", "rule:admin_api", [Project], DELETE "/v3/group_types/{group_type_id}";
    /// See a group type's specs with the type.
    GROUP_TYPE_SEE_SPECS = "group:access_group_types_specs", "rule:admin_api", [Project], GET "/v3/group_types/{group_type_id}";
    /// Show one of a group type's specs.
    GROUP_SPECS_GET = "group:group_types_specs:get", "rule:admin_api", [Project], GET "/v3/group_types/{group_type_id}/group_specs/{key}";
    /// List a group type's specs.
    GROUP_SPECS_GET_ALL = "group:group_types_specs:get_all", "rule:admin_api", [Project], GET "/v3/group_types/{group_type_id}/group_specs";
    /// Add specs to a group type.
    GROUP_SPECS_CREATE = "group:group_types_specs:create", "rule:admin_api", [Project], POST "/v3/group_types/{group_type_id}/group_specs";
    /// Change one of a group type's specs.
    GROUP_SPECS_UPDATE = "group:group_types_specs:update", "rule:admin_api", [Project], PUT "/v3/group_types/{group_type_id}/group_specs/{key}";
    /// Remove one of a group type's specs.
    GROUP_SPECS_DELETE = "group:group_types_specs:delete", "rule:admin_api", [Project], DELETE "/v3/group_types/{group_type_id}/group_specs/{key}";
    /// List groups.
    GROUP_GET_ALL = "group:get_all", "rule:xena_system_admin_or_project_reader", [Project], GET "/v3/groups";
    /// Create a group.
    GROUP_CREATE = "group:create", "rule:xena_system_admin_or_project_member", [Project], POST "/v3/groups";
    /// Show a group.
    GROUP_GET = "group:get", "rule:xena_system_admin_or_project_reader", [Project], GET "/v3/groups/{group_id}";
    /// Change a group and what is in it.
    GROUP_UPDATE = "group:update", "rule:xena_system_admin_or_project_member", [Project], PUT "/v3/groups/{group_id}";
    /// See whose a group is.
    GROUP_PROJECT = "group:group_project_attribute", "rule:admin_api", [Project], GET "/v3/groups/{group_id}";
    /// Delete a group.
    GROUP_DELETE = "group:delete", "rule:xena_system_admin_or_project_member", [Project], POST "/v3/groups/{group_id}/action";
    /// Begin to replicate a group.
    GROUP_ENABLE_REPLICATION = "group:enable_replication", "rule:xena_system_admin_or_project_member", [Project], POST "/v3/groups/{group_id}/action";
    /// End a group's replication.
    GROUP_DISABLE_REPLICATION = "group:disable_replication", "rule:xena_system_admin_or_project_member", [Project], POST "/v3/groups/{group_id}/action";
    /// Go over to a group's replica.
    GROUP_FAILOVER_REPLICATION = "group:failover_replication", "rule:xena_system_admin_or_project_member", [Project], POST "/v3/groups/{group_id}/action";
    /// List where a group is replicated to.
    GROUP_LIST_REPLICATION = "group:list_replication_targets", "rule:xena_system_admin_or_project_member", [Project], POST "/v3/groups/{group_id}/action";
    /// Set a group's status by hand.
    GROUP_RESET = "group:reset_status", "rule:admin_api", [Project], POST "/v3/groups/{group_id}/action";
    /// List group snapshots.
    GROUP_SNAPSHOT_GET_ALL = "group:get_all_group_snapshots", "rule:xena_system_admin_or_project_reader", [Project], GET "/v3/group_snapshots";
    /// Create a group snapshot.
    GROUP_SNAPSHOT_CREATE = "group:create_group_snapshot", "rule:xena_system_admin_or_project_member", [Project], POST "/v3/group_snapshots";
    /// Show a group snapshot.
    GROUP_SNAPSHOT_GET = "group:get_group_snapshot", "rule:xena_system_admin_or_project_reader", [Project], GET "/v3/group_snapshots/{group_snapshot_id}";
    /// Delete a group snapshot.
    GROUP_SNAPSHOT_DELETE = "group:delete_group_snapshot", "rule:xena_system_admin_or_project_member", [Project], DELETE "/v3/group_snapshots/{group_snapshot_id}";
    /// See whose a group snapshot is.
    GROUP_SNAPSHOT_PROJECT = "group:group_snapshot_project_attribute", "rule:admin_api", [Project], GET "/v3/group_snapshots/{group_snapshot_id}";
    /// Set a group snapshot's status by hand.
    GROUP_SNAPSHOT_RESET = "group:reset_group_snapshot_status", "rule:admin_api", [Project], POST "/v3/group_snapshots/{group_snapshot_id}/action";
    /// Show quotas.
    QUOTA_SHOW = "volume_extension:quotas:show", "rule:xena_system_admin_or_project_reader", [Project], GET "/v3/os-quota-sets/{project_id}";
    /// Change quotas.
    QUOTA_UPDATE = "volume_extension:quotas:update", "rule:admin_api", [Project], PUT "/v3/os-quota-sets/{project_id}";
    /// Back to the default quotas.
    QUOTA_DELETE = "volume_extension:quotas:delete", "rule:admin_api", [Project], DELETE "/v3/os-quota-sets/{project_id}";
    /// Show a quota class.
    QUOTA_CLASS_GET = "volume_extension:quota_classes:get", "rule:admin_api", [Project], GET "/v3/os-quota-class-sets/{class}";
    /// Change a quota class.
    QUOTA_CLASS_UPDATE = "volume_extension:quota_classes:update", "rule:admin_api", [Project], PUT "/v3/os-quota-class-sets/{class}";
    /// Limits and usage of the caller's project.
    LIMITS = "limits_extension:used_limits", "rule:xena_system_admin_or_project_reader", [Project], GET "/v3/limits";
    /// List services.
    SERVICES = "volume_extension:services:index", "rule:admin_api", [Project], GET "/v3/os-services";
    /// Enable or disable a service.
    SERVICES_UPDATE = "volume_extension:services:update", "rule:admin_api", [Project], PUT "/v3/os-services/{action}";
    /// Freeze a back end.
    FREEZE = "volume:freeze_host", "rule:admin_api", [Project], PUT "/v3/os-services/freeze";
    /// Thaw a back end.
    THAW = "volume:thaw_host", "rule:admin_api", [Project], PUT "/v3/os-services/thaw";
    /// Go over to a back end's replica.
    FAILOVER = "volume:failover_host", "rule:admin_api", [Project], PUT "/v3/os-services/failover_host";
    /// List and show hosts.
    HOSTS = "volume_extension:hosts", "rule:admin_api", [Project], GET "/v3/os-hosts";
    /// Show what a back end can do.
    CAPABILITIES = "volume_extension:capabilities", "rule:admin_api", [Project], GET "/v3/capabilities/{host}";
    /// List pools.
    POOLS = "scheduler_extension:scheduler_stats:get_pools", "rule:admin_api", [Project], GET "/v3/scheduler-stats/get_pools";
    /// List clusters.
    CLUSTERS_GET_ALL = "clusters:get_all", "rule:admin_api", [Project], GET "/v3/clusters";
    /// Show a cluster.
    CLUSTERS_GET = "clusters:get", "rule:admin_api", [Project], GET "/v3/clusters/{cluster_id}";
    /// Enable or disable a cluster.
    CLUSTERS_UPDATE = "clusters:update", "rule:admin_api", [Project], PUT "/v3/clusters/{action}";
    /// Clean up what processes that ended have left.
    WORKERS_CLEANUP = "workers:cleanup", "rule:admin_api", [Project], POST "/v3/workers/cleanup";
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

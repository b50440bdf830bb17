//! Glance's rules by name, with Glance's defaults (secure RBAC).

mod metadefs;

use ::policy::ServicePolicy;
pub(crate) use metadefs::{
    ADD_METADEF_NAMESPACE, ADD_METADEF_OBJECT, ADD_METADEF_PROPERTY, ADD_METADEF_RESOURCE_TYPE_ASSOCIATION,
    ADD_METADEF_TAG, ADD_METADEF_TAGS, DELETE_METADEF_NAMESPACE, DELETE_METADEF_OBJECT, DELETE_METADEF_TAG,
    DELETE_METADEF_TAGS, GET_METADEF_NAMESPACE, GET_METADEF_NAMESPACES, GET_METADEF_OBJECT, GET_METADEF_OBJECTS,
    GET_METADEF_PROPERTIES, GET_METADEF_PROPERTY, GET_METADEF_RESOURCE_TYPE, GET_METADEF_TAG, GET_METADEF_TAGS,
    LIST_METADEF_RESOURCE_TYPES, MODIFY_METADEF_NAMESPACE, MODIFY_METADEF_OBJECT, MODIFY_METADEF_PROPERTY,
    MODIFY_METADEF_TAG, REMOVE_METADEF_PROPERTY, REMOVE_METADEF_RESOURCE_TYPE_ASSOCIATION,
};

::policy::rules! {
    /// Create an image.
    ADD_IMAGE = "add_image", "rule:context_is_admin or (role:member and project_id:%(project_id)s and project_id:%(owner)s)", [Project], POST "/v2/images";
    /// Delete an image.
    DELETE_IMAGE = "delete_image", "rule:context_is_admin or (role:member and project_id:%(project_id)s)", [Project], DELETE "/v2/images/{image_id}";
    /// See an image.
    GET_IMAGE = "get_image", "rule:context_is_admin or (role:reader and (project_id:%(project_id)s or project_id:%(member_id)s or 'community':%(visibility)s or 'public':%(visibility)s or 'shared':%(visibility)s))", [Project], GET "/v2/images/{image_id}";
    /// List images.
    GET_IMAGES = "get_images", "rule:context_is_admin or (role:reader and project_id:%(project_id)s)", [Project], GET "/v2/images";
    /// Change an image.
    MODIFY_IMAGE = "modify_image", "rule:context_is_admin or (role:member and project_id:%(project_id)s)", [Project], PATCH "/v2/images/{image_id}";
    /// Make an image public.
    PUBLICIZE_IMAGE = "publicize_image", "rule:context_is_admin", [Project], PATCH "/v2/images/{image_id}";
    /// Offer an image to everybody without listing it.
    COMMUNITIZE_IMAGE = "communitize_image", "rule:context_is_admin or (role:member and project_id:%(project_id)s)", [Project], PATCH "/v2/images/{image_id}";
    /// Read an image's bytes.
    DOWNLOAD_IMAGE = "download_image", "rule:context_is_admin or (role:member and (project_id:%(project_id)s or project_id:%(member_id)s or 'community':%(visibility)s or 'public':%(visibility)s or 'shared':%(visibility)s))", [Project], GET "/v2/images/{image_id}/file";
    /// Write an image's bytes.
    UPLOAD_IMAGE = "upload_image", "rule:context_is_admin or (role:member and project_id:%(project_id)s)", [Project], PUT "/v2/images/{image_id}/file";
    /// Copy an image to further stores.
    COPY_IMAGE = "copy_image", "rule:context_is_admin", [Project], POST "/v2/images/{image_id}/import";
    /// See where an image's bytes are.
    GET_IMAGE_LOCATION = "get_image_location", "rule:context_is_admin or (role:reader and project_id:%(project_id)s)", [Project], GET "/v2/images/{image_id}";
    /// Take an image's bytes out of a store.
    DELETE_IMAGE_LOCATION = "delete_image_location", "rule:context_is_admin", [Project], DELETE "/v2/stores/{store_id}/{image_id}";
    /// Say where an image's bytes are.
    ADD_IMAGE_LOCATION = "add_image_location", "rule:service_api or (role:member and project_id:%(project_id)s and project_id:%(owner)s)", [Project], POST "/v2/images/{image_id}/locations";
    /// Ask, as a service, where an image's bytes are.
    FETCH_IMAGE_LOCATION = "fetch_image_location", "rule:service_api", [Project], GET "/v2/images/{image_id}/locations";
    /// See what stores are made of.
    STORES_INFO_DETAIL = "stores_info_detail", "rule:context_is_admin or rule:service_api", [Project], GET "/v2/info/stores/detail";
    /// Use the tasks API.
    TASKS_API_ACCESS = "tasks_api_access", "rule:context_is_admin", [Project], GET "/v2/tasks", POST "/v2/tasks", GET "/v2/tasks/{task_id}", DELETE "/v2/tasks/{task_id}";
    /// See a task.
    GET_TASK = "get_task", "rule:default", [Project], GET "/v2/tasks/{task_id}";
    /// List tasks.
    GET_TASKS = "get_tasks", "rule:default", [Project], GET "/v2/tasks";
    /// Create a task.
    ADD_TASK = "add_task", "rule:default", [Project], POST "/v2/tasks";
    /// Make an image unusable for a while.
    DEACTIVATE = "deactivate", "rule:context_is_admin or (role:member and project_id:%(project_id)s)", [Project], POST "/v2/images/{image_id}/actions/deactivate";
    /// Make it usable again.
    REACTIVATE = "reactivate", "rule:context_is_admin or (role:member and project_id:%(project_id)s)", [Project], POST "/v2/images/{image_id}/actions/reactivate";
    /// Offer an image to a project.
    ADD_MEMBER = "add_member", "rule:context_is_admin or (role:member and project_id:%(project_id)s)", [Project], POST "/v2/images/{image_id}/members";
    /// Take the offer back.
    DELETE_MEMBER = "delete_member", "rule:context_is_admin or (role:member and project_id:%(project_id)s)", [Project], DELETE "/v2/images/{image_id}/members/{member_id}";
    /// See whom an image is offered to.
    GET_MEMBER = "get_member", "rule:context_is_admin or role:reader and (project_id:%(project_id)s or project_id:%(member_id)s)", [Project], GET "/v2/images/{image_id}/members/{member_id}";
    /// List whom an image is offered to.
    GET_MEMBERS = "get_members", "rule:context_is_admin or role:reader and (project_id:%(project_id)s or project_id:%(member_id)s)", [Project], GET "/v2/images/{image_id}/members";
    /// Accept or reject an offer.
    MODIFY_MEMBER = "modify_member", "rule:context_is_admin or (role:member and project_id:%(member_id)s)", [Project], PUT "/v2/images/{image_id}/members/{member_id}";
    /// Have hosts keep an image ready.
    CACHE_IMAGE = "cache_image", "rule:manage_image_cache", [Project], PUT "/v2/cache/{image_id}";
    /// See what hosts keep ready.
    CACHE_LIST = "cache_list", "rule:manage_image_cache", [Project], GET "/v2/cache";
    /// See which hosts keep an image ready.
    LIST_CACHED_NODES = "list_cached_nodes", "rule:manage_image_cache", [Project], GET "/v2/cache/nodes/{image_id}";
    /// Have hosts give up an image, or all.
    CACHE_DELETE = "cache_delete", "rule:manage_image_cache", [Project], DELETE "/v2/cache", DELETE "/v2/cache/{image_id}";
    /// Have hosts give up what is no image any more.
    CACHE_CLEAN = "cache_clean", "rule:manage_image_cache", [Project], POST "/v2/cache/clean";
    /// Have hosts give up what nobody uses.
    CACHE_PRUNE = "cache_prune", "rule:manage_image_cache", [Project], POST "/v2/cache/prune";
}

pub static POLICY: ServicePolicy = ServicePolicy {
    service: "image",
    rules: &[ALL, metadefs::ALL],
    base: &[
        ("context_is_admin", "role:admin"),
        ("service_api", "role:service or role:admin"),
        ("default", ""),
        ("manage_image_cache", "rule:context_is_admin"),
        ("metadef_default", ""),
        ("metadef_admin", "rule:context_is_admin"),
    ],
    refusal: "You are not authorized to complete {} action.",
};

//! Glance's rules of metadata definitions, with Glance's defaults.

::policy::rules! {
    /// See a namespace of metadata definitions.
    GET_METADEF_NAMESPACE = "get_metadef_namespace", "rule:context_is_admin or (role:reader and (project_id:%(project_id)s or 'public':%(visibility)s))", [Project], GET "/v2/metadefs/namespaces/{namespace_name}";
    /// List namespaces of metadata definitions.
    GET_METADEF_NAMESPACES = "get_metadef_namespaces", "rule:context_is_admin or (role:reader and project_id:%(project_id)s)", [Project], GET "/v2/metadefs/namespaces";
    /// Change a namespace.
    MODIFY_METADEF_NAMESPACE = "modify_metadef_namespace", "rule:metadef_admin", [Project], PUT "/v2/metadefs/namespaces/{namespace_name}";
    /// Create a namespace.
    ADD_METADEF_NAMESPACE = "add_metadef_namespace", "rule:metadef_admin", [Project], POST "/v2/metadefs/namespaces";
    /// Delete a namespace.
    DELETE_METADEF_NAMESPACE = "delete_metadef_namespace", "rule:metadef_admin", [Project], DELETE "/v2/metadefs/namespaces/{namespace_name}";
    /// See a defined object.
    GET_METADEF_OBJECT = "get_metadef_object", "rule:context_is_admin or (role:reader and (project_id:%(project_id)s or 'public':%(visibility)s))", [Project], GET "/v2/metadefs/namespaces/{namespace_name}/objects/{object_name}";
    /// List defined objects.
    GET_METADEF_OBJECTS = "get_metadef_objects", "rule:context_is_admin or (role:reader and (project_id:%(project_id)s or 'public':%(visibility)s))", [Project], GET "/v2/metadefs/namespaces/{namespace_name}/objects";
    /// Change a defined object.
    MODIFY_METADEF_OBJECT = "modify_metadef_object", "rule:metadef_admin", [Project], PUT "/v2/metadefs/namespaces/{namespace_name}/objects/{object_name}";
    /// Define an object.
    ADD_METADEF_OBJECT = "add_metadef_object", "rule:metadef_admin", [Project], POST "/v2/metadefs/namespaces/{namespace_name}/objects";
    /// Delete a defined object.
    DELETE_METADEF_OBJECT = "delete_metadef_object", "rule:metadef_admin", [Project], DELETE "/v2/metadefs/namespaces/{namespace_name}/objects/{object_name}";
    /// List types of resources.
    LIST_METADEF_RESOURCE_TYPES = "list_metadef_resource_types", "rule:context_is_admin or (role:reader and (project_id:%(project_id)s or 'public':%(visibility)s))", [Project], GET "/v2/metadefs/resource_types";
    /// See which types of resources a namespace describes.
    GET_METADEF_RESOURCE_TYPE = "get_metadef_resource_type", "rule:context_is_admin or (role:reader and (project_id:%(project_id)s or 'public':%(visibility)s))", [Project], GET "/v2/metadefs/namespaces/{namespace_name}/resource_types";
    /// Associate a namespace with a type of resource.
    ADD_METADEF_RESOURCE_TYPE_ASSOCIATION = "add_metadef_resource_type_association", "rule:metadef_admin", [Project], POST "/v2/metadefs/namespaces/{namespace_name}/resource_types";
    /// Undo such an association.
    REMOVE_METADEF_RESOURCE_TYPE_ASSOCIATION = "remove_metadef_resource_type_association", "rule:metadef_admin", [Project], DELETE "/v2/metadefs/namespaces/{namespace_name}/resource_types/{name}";
    /// See a defined property.
    GET_METADEF_PROPERTY = "get_metadef_property", "rule:context_is_admin or (role:reader and (project_id:%(project_id)s or 'public':%(visibility)s))", [Project], GET "/v2/metadefs/namespaces/{namespace_name}/properties/{property_name}";
    /// List defined properties.
    GET_METADEF_PROPERTIES = "get_metadef_properties", "rule:context_is_admin or (role:reader and (project_id:%(project_id)s or 'public':%(visibility)s))", [Project], GET "/v2/metadefs/namespaces/{namespace_name}/properties";
    /// Change a defined property.
    MODIFY_METADEF_PROPERTY = "modify_metadef_property", "rule:metadef_admin", [Project], PUT "/v2/metadefs/namespaces/{namespace_name}/properties/{property_name}";
    /// Define a property.
    ADD_METADEF_PROPERTY = "add_metadef_property", "rule:metadef_admin", [Project], POST "/v2/metadefs/namespaces/{namespace_name}/properties";
    /// Delete a defined property.
    REMOVE_METADEF_PROPERTY = "remove_metadef_property", "rule:metadef_admin", [Project], DELETE "/v2/metadefs/namespaces/{namespace_name}/properties/{property_name}";
    /// See a defined tag.
    GET_METADEF_TAG = "get_metadef_tag", "rule:context_is_admin or (role:reader and (project_id:%(project_id)s or 'public':%(visibility)s))", [Project], GET "/v2/metadefs/namespaces/{namespace_name}/tags/{tag_name}";
    /// List defined tags.
    GET_METADEF_TAGS = "get_metadef_tags", "rule:context_is_admin or (role:reader and (project_id:%(project_id)s or 'public':%(visibility)s))", [Project], GET "/v2/metadefs/namespaces/{namespace_name}/tags";
    /// Change a defined tag.
    MODIFY_METADEF_TAG = "modify_metadef_tag", "rule:metadef_admin", [Project], PUT "/v2/metadefs/namespaces/{namespace_name}/tags/{tag_name}";
    /// Define a tag.
    ADD_METADEF_TAG = "add_metadef_tag", "rule:metadef_admin", [Project], POST "/v2/metadefs/namespaces/{namespace_name}/tags/{tag_name}";
    /// Define tags.
    ADD_METADEF_TAGS = "add_metadef_tags", "rule:metadef_admin", [Project], POST "/v2/metadefs/namespaces/{namespace_name}/tags";
    /// Delete a defined tag.
    DELETE_METADEF_TAG = "delete_metadef_tag", "rule:metadef_admin", [Project], DELETE "/v2/metadefs/namespaces/{namespace_name}/tags/{tag_name}";
    /// Delete a namespace's tags.
    DELETE_METADEF_TAGS = "delete_metadef_tags", "rule:metadef_admin", [Project], DELETE "/v2/metadefs/namespaces/{namespace_name}/tags";
}

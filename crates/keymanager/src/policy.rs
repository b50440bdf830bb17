//! Barbican's rules by name, with its new defaults (reader, member, admin of the project; creator; access lists).

use ::policy::ServicePolicy;

const READ_SECRET: &str = "rule:secret_project_admin or (rule:secret_project_member and rule:secret_owner) or \
    (rule:secret_project_member and rule:secret_is_not_private) or rule:secret_acl_read";
const ANY_SECRET: &str = "role:admin or rule:secret_project_admin or \
    (rule:secret_project_member and rule:secret_owner) or \
    (rule:secret_project_member and rule:secret_is_not_private)";
const GET_SECRET: &str = "role:admin or rule:secret_project_admin or \
    (rule:secret_project_member and rule:secret_owner) or \
    (rule:secret_project_member and rule:secret_is_not_private) or rule:secret_acl_read";
const WRITE_SECRET: &str = "rule:secret_project_admin or (rule:secret_project_member and rule:secret_owner) or \
    (rule:secret_project_member and rule:secret_is_not_private)";
const READ_CONTAINER: &str = "rule:container_project_admin or \
    (rule:container_project_member and rule:container_owner) or \
    (rule:container_project_member and rule:container_is_not_private) or rule:container_acl_read";
const GET_CONSUMER: &str = "role:admin or (rule:container_project_member and rule:container_owner) or \
    (rule:container_project_member and rule:container_is_not_private) or rule:container_acl_read";
const WRITE_CONTAINER: &str = "rule:container_project_admin or \
    (rule:container_project_member and rule:container_owner) or \
    (rule:container_project_member and rule:container_is_not_private)";

::policy::rules! {
    /// Store a secret.
    SECRETS_POST = "secrets:post", "role:member", [Project], POST "/v1/secrets";
    /// List the project's secrets.
    SECRETS_GET = "secrets:get", "role:member", [Project], GET "/v1/secrets";
    /// Read a secret's payload.
    SECRET_DECRYPT = "secret:decrypt", READ_SECRET, [Project], GET "/v1/secrets/{secret_id}/payload";
    /// Show a secret.
    SECRET_GET = "secret:get", GET_SECRET, [Project], GET "/v1/secrets/{secret_id}";
    /// Give a secret its payload.
    SECRET_PUT = "secret:put", WRITE_SECRET, [Project], PUT "/v1/secrets/{secret_id}";
    /// Delete a secret.
    SECRET_DELETE = "secret:delete", ANY_SECRET, [Project], DELETE "/v1/secrets/{secret_id}";
    /// Show who may read a secret.
    SECRET_ACLS_GET = "secret_acls:get", WRITE_SECRET, [Project], GET "/v1/secrets/{secret_id}/acl";
    /// Let everybody of the project read a secret again, and nobody else.
    SECRET_ACLS_DELETE = "secret_acls:delete", WRITE_SECRET, [Project], DELETE "/v1/secrets/{secret_id}/acl";
    /// Say who may read a secret.
    SECRET_ACLS_PUT = "secret_acls:put_patch", WRITE_SECRET, [Project], PUT "/v1/secrets/{secret_id}/acl", PATCH "/v1/secrets/{secret_id}/acl";
    /// Show a secret's metadata.
    SECRET_META_GET = "secret_meta:get", READ_SECRET, [Project], GET "/v1/secrets/{secret_id}/metadata", GET "/v1/secrets/{secret_id}/metadata/{key}";
    /// Add to a secret's metadata.
    SECRET_META_POST = "secret_meta:post", WRITE_SECRET, [Project], POST "/v1/secrets/{secret_id}/metadata";
    /// Set a secret's metadata.
    SECRET_META_PUT = "secret_meta:put", WRITE_SECRET, [Project], PUT "/v1/secrets/{secret_id}/metadata", PUT "/v1/secrets/{secret_id}/metadata/{key}";
    /// Remove from a secret's metadata.
    SECRET_META_DELETE = "secret_meta:delete", WRITE_SECRET, [Project], DELETE "/v1/secrets/{secret_id}/metadata/{key}";
    /// List what needs a secret.
    SECRET_CONSUMERS_GET = "secret_consumers:get", READ_SECRET, [Project], GET "/v1/secrets/{secret_id}/consumers";
    /// Note what needs a secret.
    SECRET_CONSUMERS_POST = "secret_consumers:post", READ_SECRET, [Project], POST "/v1/secrets/{secret_id}/consumers";
    /// Note what needs a secret no more.
    SECRET_CONSUMERS_DELETE = "secret_consumers:delete", READ_SECRET, [Project], DELETE "/v1/secrets/{secret_id}/consumers";
    /// Make a container.
    CONTAINERS_POST = "containers:post", "role:member", [Project], POST "/v1/containers";
    /// List the project's containers.
    CONTAINERS_GET = "containers:get", "role:member", [Project], GET "/v1/containers";
    /// Show a container.
    CONTAINER_GET = "container:get", READ_CONTAINER, [Project], GET "/v1/containers/{container_id}";
    /// Delete a container, not its secrets.
    CONTAINER_DELETE = "container:delete", WRITE_CONTAINER, [Project], DELETE "/v1/containers/{container_id}";
    /// Put a secret into a container.
    CONTAINER_SECRET_POST = "container_secret:post", WRITE_CONTAINER, [Project], POST "/v1/containers/{container_id}/secrets";
    /// Take a secret out of a container.
    CONTAINER_SECRET_DELETE = "container_secret:delete", WRITE_CONTAINER, [Project], DELETE "/v1/containers/{container_id}/secrets";
    /// Show who may read a container.
    CONTAINER_ACLS_GET = "container_acls:get", WRITE_CONTAINER, [Project], GET "/v1/containers/{container_id}/acl";
    /// Let everybody of the project read a container again, and nobody else.
    CONTAINER_ACLS_DELETE = "container_acls:delete", WRITE_CONTAINER, [Project], DELETE "/v1/containers/{container_id}/acl";
    /// Say who may read a container.
    CONTAINER_ACLS_PUT = "container_acls:put_patch", WRITE_CONTAINER, [Project], PUT "/v1/containers/{container_id}/acl", PATCH "/v1/containers/{container_id}/acl";
    /// Show one consumer of a container.
    CONSUMER_GET = "consumer:get", GET_CONSUMER, [Project], GET "/v1/containers/{container_id}/consumers/{consumer_id}";
    /// List what needs a container.
    CONTAINER_CONSUMERS_GET = "container_consumers:get", READ_CONTAINER, [Project], GET "/v1/containers/{container_id}/consumers";
    /// Note what needs a container.
    CONTAINER_CONSUMERS_POST = "container_consumers:post", READ_CONTAINER, [Project], POST "/v1/containers/{container_id}/consumers";
    /// Note what needs a container no more.
    CONTAINER_CONSUMERS_DELETE = "container_consumers:delete", READ_CONTAINER, [Project], DELETE "/v1/containers/{container_id}/consumers";
    /// List the project's orders.
    ORDERS_GET = "orders:get", "role:member", [Project], GET "/v1/orders";
    /// Order a secret.
    ORDERS_POST = "orders:post", "role:member", [Project], POST "/v1/orders";
    /// Change an order, which cannot be done.
    ORDERS_PUT = "orders:put", "role:member", [Project], PUT "/v1/orders";
    /// Show an order.
    ORDER_GET = "order:get", "rule:order_project_member", [Project], GET "/v1/orders/{order_id}";
    /// Delete an order, not its secret.
    ORDER_DELETE = "order:delete", "rule:order_project_member", [Project], DELETE "/v1/orders/{order_id}";
    /// Show the project's quotas.
    QUOTAS_GET = "quotas:get", "role:reader", [Project], GET "/v1/quotas";
    /// Show quotas of projects.
    PROJECT_QUOTAS_GET = "project_quotas:get", "role:admin", [Project], GET "/v1/project-quotas", GET "/v1/project-quotas/{project_id}";
    /// Set a project's quotas.
    PROJECT_QUOTAS_PUT = "project_quotas:put", "role:admin", [Project], PUT "/v1/project-quotas/{project_id}";
    /// Give a project the default quotas again.
    PROJECT_QUOTAS_DELETE = "project_quotas:delete", "role:admin", [Project], DELETE "/v1/project-quotas/{project_id}";
    /// List secret stores.
    STORES_GET = "secretstores:get", "role:reader", [Project], GET "/v1/secret-stores";
    /// Show the default secret store.
    STORES_DEFAULT = "secretstores:get_global_default", "role:reader", [Project], GET "/v1/secret-stores/global-default";
    /// Show the store that the project prefers.
    STORES_PREFERRED = "secretstores:get_preferred", "role:reader", [Project], GET "/v1/secret-stores/preferred";
    /// Prefer a store.
    PREFERRED_POST = "secretstore_preferred:post", "role:admin", [Project], POST "/v1/secret-stores/{store_id}/preferred";
    /// Prefer no store.
    PREFERRED_DELETE = "secretstore_preferred:delete", "role:admin", [Project], DELETE "/v1/secret-stores/{store_id}/preferred";
    /// Show a secret store.
    STORE_GET = "secretstore:get", "role:reader", [Project], GET "/v1/secret-stores/{store_id}";
    /// List transport keys.
    TRANSPORT_KEYS_GET = "transport_keys:get", "role:reader", [Project], GET "/v1/transport_keys";
    /// Add a transport key.
    TRANSPORT_KEYS_POST = "transport_keys:post", "role:admin", [Project], POST "/v1/transport_keys";
    /// Show a transport key.
    TRANSPORT_KEY_GET = "transport_key:get", "role:reader", [Project], GET "/v1/transport_keys/{key_id}";
    /// Delete a transport key.
    TRANSPORT_KEY_DELETE = "transport_key:delete", "role:admin", [Project], DELETE "/v1/transport_keys/{key_id}";
}

pub static POLICY: ServicePolicy = ServicePolicy {
    service: "key-manager",
    rules: &[ALL],
    base: &[
        ("secret_project_match", "project_id:%(target.secret.project_id)s"),
        ("secret_project_reader", "role:reader and rule:secret_project_match"),
        ("secret_project_member", "role:member and rule:secret_project_match"),
        ("secret_project_admin", "role:admin and rule:secret_project_match"),
        ("secret_owner", "user_id:%(target.secret.creator_id)s"),
        ("secret_is_not_private", "True:%(target.secret.read_project_access)s"),
        ("secret_acl_read", "'read':%(target.secret.read)s"),
        ("container_project_match", "project_id:%(target.container.project_id)s"),
        ("container_project_member", "role:member and rule:container_project_match"),
        ("container_project_admin", "role:admin and rule:container_project_match"),
        ("container_owner", "user_id:%(target.container.creator_id)s"),
        ("container_is_not_private", "True:%(target.container.read_project_access)s"),
        ("container_acl_read", "'read':%(target.container.read)s"),
        ("order_project_match", "project_id:%(target.order.project_id)s"),
        ("order_project_member", "role:member and rule:order_project_match"),
    ],
    refusal: "{} attempt not allowed - please review your user/project privileges",
};

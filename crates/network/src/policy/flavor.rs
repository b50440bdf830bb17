//! Flavors and service profiles.

use super::{ADMIN, READER};

policy::rules! {
    /// Create a flavor.
    CREATE = "create_flavor", ADMIN, [Project], POST "/v2.0/flavors";
    /// List and show flavors.
    GET = "get_flavor", READER, [Project], GET "/v2.0/flavors", GET "/v2.0/flavors/{id}";
    /// Change a flavor.
    UPDATE = "update_flavor", ADMIN, [Project], PUT "/v2.0/flavors/{id}";
    /// Delete a flavor.
    DELETE = "delete_flavor", ADMIN, [Project], DELETE "/v2.0/flavors/{id}";
    /// Create a service profile.
    PROFILE_CREATE = "create_service_profile", ADMIN, [Project], POST "/v2.0/service_profiles";
    /// List and show service profiles.
    PROFILE_GET = "get_service_profile", ADMIN, [Project],
        GET "/v2.0/service_profiles", GET "/v2.0/service_profiles/{id}";
    /// Change a service profile.
    PROFILE_UPDATE = "update_service_profile", ADMIN, [Project], PUT "/v2.0/service_profiles/{id}";
    /// Delete a service profile.
    PROFILE_DELETE = "delete_service_profile", ADMIN, [Project], DELETE "/v2.0/service_profiles/{id}";
    /// Give a flavor a service profile.
    BIND = "create_flavor_service_profile", ADMIN, [Project], POST "/v2.0/flavors/{id}/service_profiles";
    /// Take a service profile from a flavor.
    UNBIND = "delete_flavor_service_profile", ADMIN, [Project],
        DELETE "/v2.0/flavors/{id}/service_profiles/{profile_id}";
}

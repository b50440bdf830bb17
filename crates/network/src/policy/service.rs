//! What the service says about itself: agents, zones, providers, use of addresses.

use super::{ADMIN, ADMIN_OR_SERVICE, READER};

policy::rules! {
    /// List and show agents.
    AGENT_GET = "get_agent", ADMIN, [Project], GET "/v2.0/agents", GET "/v2.0/agents/{id}";
    /// Change an agent.
    AGENT_UPDATE = "update_agent", ADMIN, [Project], PUT "/v2.0/agents/{id}";
    /// List and show availability zones.
    ZONE_GET = "get_availability_zone", READER, [Project], GET "/v2.0/availability_zones";
    /// List and show service providers.
    PROVIDER_GET = "get_service_provider", READER, [Project], GET "/v2.0/service-providers";
    /// List and show uses of networks' addresses.
    IP_AVAILABILITY_GET = "get_network_ip_availability", ADMIN_OR_SERVICE, [Project],
        GET "/v2.0/network-ip-availabilities", GET "/v2.0/network-ip-availabilities/{network_id}";
}

//! What the service says about itself: agents, zones, providers, use of addresses.

use super::{ADMIN, ADMIN_OR_SERVICE, READER};

policy::rules! {
    /// List and show agents.
    AGENT_GET = "get_agent", ADMIN, [Project], GET "/v2.0/agents", GET "/v2.0/agents/{id}";
    /// Change an agent.
    AGENT_UPDATE = "update_agent", ADMIN, [Project], PUT "/v2.0/agents/{id}";
    /// Remove an agent.
    AGENT_DELETE = "delete_agent", ADMIN, [Project], DELETE "/v2.0/agents/{id}";
    /// Add a network to a DHCP agent.
    DHCP_NETWORK_ADD = "create_dhcp-network", ADMIN, [Project], POST "/v2.0/agents/{id}/dhcp-networks";
    /// List networks on a DHCP agent.
    DHCP_NETWORKS_GET = "get_dhcp-networks", ADMIN, [Project], GET "/v2.0/agents/{id}/dhcp-networks";
    /// Remove a network from a DHCP agent.
    DHCP_NETWORK_REMOVE = "delete_dhcp-network", ADMIN, [Project],
        DELETE "/v2.0/agents/{id}/dhcp-networks/{network_id}";
    /// List DHCP agents of a network.
    DHCP_AGENTS_GET = "get_dhcp-agents", ADMIN, [Project], GET "/v2.0/networks/{id}/dhcp-agents";
    /// Add a router to an L3 agent.
    L3_ROUTER_ADD = "create_l3-router", ADMIN, [Project], POST "/v2.0/agents/{id}/l3-routers";
    /// List routers on an L3 agent.
    L3_ROUTERS_GET = "get_l3-routers", ADMIN, [Project], GET "/v2.0/agents/{id}/l3-routers";
    /// Remove a router from an L3 agent.
    L3_ROUTER_REMOVE = "delete_l3-router", ADMIN, [Project], DELETE "/v2.0/agents/{id}/l3-routers/{router_id}";
    /// List L3 agents of a router.
    L3_AGENTS_GET = "get_l3-agents", ADMIN, [Project], GET "/v2.0/routers/{id}/l3-agents";
    /// List and show availability zones.
    ZONE_GET = "get_availability_zone", READER, [Project], GET "/v2.0/availability_zones";
    /// List and show service providers.
    PROVIDER_GET = "get_service_provider", READER, [Project], GET "/v2.0/service-providers";
    /// List and show uses of networks' addresses.
    IP_AVAILABILITY_GET = "get_network_ip_availability", ADMIN_OR_SERVICE, [Project],
        GET "/v2.0/network-ip-availabilities", GET "/v2.0/network-ip-availabilities/{network_id}";
}

//! Segments of networks, and the ranges that their numbers are from.

use super::ADMIN;

policy::rules! {
    /// Create a segment.
    CREATE = "create_segment", ADMIN, [Project], POST "/v2.0/segments";
    /// List and show segments.
    GET = "get_segment", ADMIN, [Project], GET "/v2.0/segments", GET "/v2.0/segments/{id}";
    /// Change a segment.
    UPDATE = "update_segment", ADMIN, [Project], PUT "/v2.0/segments/{id}";
    /// Delete a segment.
    DELETE = "delete_segment", ADMIN, [Project], DELETE "/v2.0/segments/{id}";
    /// Create a segment range.
    RANGE_CREATE = "create_network_segment_range", ADMIN, [Project], POST "/v2.0/network-segment-ranges";
    /// Add tags to a segment range.
    RANGE_CREATE_TAGS = "create_network_segment_range:tags", ADMIN, [Project],
        POST "/v2.0/network_segment_ranges/{id}/tags";
    /// List and show segment ranges.
    RANGE_GET = "get_network_segment_range", ADMIN, [Project],
        GET "/v2.0/network-segment-ranges", GET "/v2.0/network-segment-ranges/{id}";
    /// List and look up tags of a segment range.
    RANGE_GET_TAGS = "get_network_segment_range:tags", ADMIN, [Project],
        GET "/v2.0/network_segment_ranges/{id}/tags", GET "/v2.0/network_segment_ranges/{id}/tags/{tag_id}";
    /// Change a segment range.
    RANGE_UPDATE = "update_network_segment_range", ADMIN, [Project], PUT "/v2.0/network-segment-ranges/{id}";
    /// Set tags of a segment range.
    RANGE_UPDATE_TAGS = "update_network_segment_range:tags", ADMIN, [Project],
        PUT "/v2.0/network_segment_ranges/{id}/tags", PUT "/v2.0/network_segment_ranges/{id}/tags/{tag_id}";
    /// Delete a segment range.
    RANGE_DELETE = "delete_network_segment_range", ADMIN, [Project], DELETE "/v2.0/network-segment-ranges/{id}";
    /// Remove tags from a segment range.
    RANGE_DELETE_TAGS = "delete_network_segment_range:tags", ADMIN, [Project],
        DELETE "/v2.0/network_segment_ranges/{id}/tags", DELETE "/v2.0/network_segment_ranges/{id}/tags/{tag_id}";
}

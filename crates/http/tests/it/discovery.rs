//! Version documents as the stock clients parse them.

use axum::response::Response;
use http::{
    BaseUrl, StatusCode, axum,
    discovery::{ApiVersion, Micro, Status, list, list_keystone, one},
};
use http_body_util::BodyExt;
use kernel::{Microversion, Timestamp};
use serde_json::{Value, json};

async fn body(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap())
}

#[tokio::test]
async fn documents() {
    let base = BaseUrl::new("http://cloud:5000");
    let nova = ApiVersion {
        id: "v2.1",
        status: Status::Current,
        path: "/compute/v2.1/",
        updated: Timestamp::parse("2013-07-23T11:33:21Z"),
        micro: Micro::Version { min: Microversion::new(2, 1), max: Microversion::new(2, 96) },
        media_type: Some("application/vnd.openstack.compute+json;version=2.1"),
    };
    let placement = ApiVersion {
        id: "v1.0",
        path: "/placement/",
        updated: None,
        micro: Micro::MaxVersion { min: Microversion::new(1, 0), max: Microversion::new(1, 39) },
        media_type: None,
        ..nova.clone()
    };
    let keystone = ApiVersion {
        id: "v3.14",
        status: Status::Stable,
        micro: Micro::Absent,
        path: "/identity/v3/",
        ..placement.clone()
    };

    let (status, got) = body(one(&base, &nova)).await;
    assert_eq!(status, 200);
    assert_eq!(
        got,
        json!({"version": {
            "id": "v2.1",
            "status": "CURRENT",
            "version": "2.96",
            "min_version": "2.1",
            "updated": "2013-07-23T11:33:21Z",
            "links": [{"rel": "self", "href": "http://cloud:5000/compute/v2.1/"}],
            "media-types": [{"base": "application/json", "type": "application/vnd.openstack.compute+json;version=2.1"}],
        }})
    );
    let (status, got) = body(list(StatusCode::OK, &base, &[placement])).await;
    assert_eq!(status, 200);
    assert_eq!(
        got,
        json!({"versions": [{
            "id": "v1.0",
            "status": "CURRENT",
            "max_version": "1.39",
            "min_version": "1.0",
            "links": [{"rel": "self", "href": "http://cloud:5000/placement/"}],
        }]})
    );
    let (status, got) = body(list_keystone(StatusCode::MULTIPLE_CHOICES, &base, &[keystone])).await;
    assert_eq!(status, 300);
    assert_eq!(
        got,
        json!({"versions": {"values": [{
            "id": "v3.14",
            "status": "stable",
            "links": [{"rel": "self", "href": "http://cloud:5000/identity/v3/"}],
        }]}})
    );
}

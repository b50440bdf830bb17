//! `/v2/images/{id}/file`: the bytes, streamed both ways.

use super::import;
use crate::{
    ImageService,
    ops::images::{download, upload},
};
use futures_util::{StreamExt, TryStreamExt};
use http::axum::{
    body::Body,
    http::{
        HeaderMap, HeaderName, HeaderValue,
        header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RANGE},
    },
};
use http::{ApiResult, ApiRouter, Cx, Path, Response, State, StatusCode};
use kernel::{Error, Kind, Result};

pub(super) fn routes() -> ApiRouter<ImageService> {
    ApiRouter::new().put("/v2/images/{id}/file", put).get("/v2/images/{id}/file", get)
}

const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// What carries an image must say so.
pub(super) fn octets(headers: &HeaderMap) -> Result<()> {
    if headers.get(CONTENT_TYPE) != Some(&OCTETS) {
        return Err(Error::of(Kind::UnsupportedMediaType, "The media type must be application/octet-stream."));
    }
    Ok(())
}

async fn put(
    State(service): State<ImageService>,
    Cx(cx): Cx,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> ApiResult {
    octets(&headers)?;
    let store = headers.get(import::STORE).and_then(|v| v.to_str().ok());
    let data = body.into_data_stream().map_err(std::io::Error::other).boxed();
    upload::upload_image(&service, &cx, &id, store, data).await?;
    Ok(http::no_content())
}

async fn get(
    State(service): State<ImageService>,
    Cx(cx): Cx,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let range = headers.get(RANGE).and_then(|r| r.to_str().ok()).map(read_range).transpose()?;
    let (image, data) = download::download_image(&service, &cx, &id, range).await?;
    let Some(data) = data else { return Ok(http::no_content()) };
    let size = image.size.unwrap_or(0);
    let mut response = Response::new(Body::from_stream(data));
    let (start, length) =
        range.map_or((0, size), |(start, length)| (start, length.unwrap_or(size).min(size.saturating_sub(start))));
    if range.is_some() {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let text = format!("bytes {start}-{}/{size}", (start + length).saturating_sub(1));
        insert(response.headers_mut(), CONTENT_RANGE, &text);
    } else if let Some(md5) = &image.checksum {
        insert(response.headers_mut(), HeaderName::from_static("content-md5"), md5);
    }
    response.headers_mut().insert(CONTENT_TYPE, OCTETS);
    insert(response.headers_mut(), CONTENT_LENGTH, &length.to_string());
    Ok(response)
}

fn insert(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(name, value);
    }
}

/// `bytes=5-9`, `bytes=5-`: offset and length. Several ranges are not served.
fn read_range(text: &str) -> Result<(u64, Option<u64>)> {
    let bad = || Error::of(Kind::RangeNotSatisfiable, format!("The range {text} cannot be served."));
    let (from, to) = text.strip_prefix("bytes=").and_then(|r| r.split_once('-')).ok_or_else(bad)?;
    let from: u64 = from.parse().map_err(|_| bad())?;
    match to {
        "" => Ok((from, None)),
        to => {
            let to: u64 = to.parse().map_err(|_| bad())?;
            Ok((from, Some(to.checked_sub(from).ok_or_else(bad)?.saturating_add(1))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::read_range;

    #[test]
    fn ranges() {
        assert_eq!(read_range("bytes=5-9").unwrap(), (5, Some(5)));
        assert_eq!(read_range("bytes=5-").unwrap(), (5, None));
        assert_eq!(read_range("bytes=7-7").unwrap(), (7, Some(1)));
        assert_eq!(read_range("bytes=0-18446744073709551615").unwrap(), (0, Some(u64::MAX)));
        for bad in ["bytes=99999999999999999999-", "bytes=-5", "5-9", "bytes=9-5", "bytes=a-b", "bytes=0-1,3-4"] {
            assert!(read_range(bad).is_err(), "{bad}");
        }
    }
}

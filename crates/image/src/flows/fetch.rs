//! Fetches an image from the web, hop by hop.

use crate::{
    driver::ByteStream,
    uri::{Reach, UriRules, public},
};
use futures_util::{StreamExt, TryStreamExt};
use http::{Client, ClientConfig, ClientTls, header::LOCATION};
use kernel::{Error, Result};

/// Redirects that are followed.
const HOPS: usize = 5;

/// Two clients: one that connects to public addresses only, one for hosts that the operator named.
pub(crate) struct Fetcher {
    rules: UriRules,
    guarded: Client,
    free: Client,
}

impl Fetcher {
    /// `roots_pem`: whose certificates are trusted.
    pub(crate) fn new(rules: UriRules, roots_pem: Vec<u8>) -> Result<Self> {
        let tls = ClientTls { roots_pem, ..ClientTls::default() };
        let config = ClientConfig { tls, ..ClientConfig::default() };
        let free = Client::new(&config)?;
        let guarded = Client::new(&ClientConfig { addresses: Some(public), ..config })?;
        Ok(Self { rules, guarded, free })
    }

    pub(crate) fn rules(&self) -> &UriRules {
        &self.rules
    }

    /// The bytes at `uri`, redirects followed and judged.
    pub(crate) async fn open(&self, uri: &str) -> Result<ByteStream> {
        let mut uri = uri.to_owned();
        for _ in 0..HOPS {
            let client = match self.rules.check(&uri)? {
                Reach::Any => &self.free,
                Reach::Public => &self.guarded,
            };
            let answer = client.get(uri.clone()).send().await;
            let answer = answer.map_err(|e| {
                Error::bad_request(format!("The image at {uri} could not be fetched")).with_internal(e.to_string())
            })?;
            if answer.status.is_success() {
                return Ok(answer.stream().map_err(std::io::Error::other).boxed());
            }
            let next = answer.headers.get(LOCATION).and_then(|v| v.to_str().ok());
            match next.filter(|_| answer.status.is_redirection()) {
                Some(next) => uri = join(&uri, next),
                None => return Err(Error::bad_request(format!("The server of {uri} answered {}", answer.status))),
            }
        }
        Err(Error::bad_request(format!("{uri} is one redirect too many")))
    }
}

/// Where a redirect leads: all of an address, or the rest of this server's.
fn join(from: &str, to: &str) -> String {
    if to.contains("://") {
        return to.to_owned();
    }
    let scheme_end = from.find("://").map_or(0, |at| at + 3);
    if let Some(rest) = to.strip_prefix("//") {
        return format!("{}{rest}", &from[..scheme_end]);
    }
    let server_end = from[scheme_end..].find(['/', '?', '#']).map_or(from.len(), |at| scheme_end + at);
    match to.strip_prefix('/') {
        Some(path) => format!("{}/{path}", &from[..server_end]),
        None => {
            let path_end = from.find(['?', '#']).unwrap_or(from.len());
            let dir = from[..path_end].rfind('/').filter(|at| *at >= server_end).unwrap_or(server_end);
            format!("{}/{to}", &from[..dir])
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn redirects() {
        for (from, to, expect) in [
            ("http://a/b/c?d", "https://e/f", "https://e/f"),
            ("http://a/b/c?d", "//e/f", "http://e/f"),
            ("http://a/b/c?d/e", "/f", "http://a/f"),
            ("http://a/b/c?d/e", "f", "http://a/b/f"),
            ("http://a", "f", "http://a/f"),
            ("http://a?x=/y", "f", "http://a/f"),
        ] {
            assert_eq!(super::join(from, to), expect, "{from} to {to}");
        }
    }
}

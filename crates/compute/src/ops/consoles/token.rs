use crate::{Compute, model::ConsoleToken, policy::CONSOLE_AUTH_TOKENS};
use kernel::{Ctx, Error, Result};
use policy::Authorize;

/// What a token is good for, and the port where its websocket is: the API's, the same on every host.
pub(crate) fn token(c: &Compute, cx: &Ctx, token: &str, base: &str) -> Result<(ConsoleToken, u16)> {
    let _permit = cx.authorize(&CONSOLE_AUTH_TOKENS, &())?;
    let found = c.console(token).ok_or_else(|| Error::not_found("Token not found"))?;
    Ok((found, port_of(super::remote::base_of(c, base))))
}

/// The port of an address without a path, or what its scheme implies.
fn port_of(base: &str) -> u16 {
    let (scheme, rest) = base.split_once("://").unwrap_or(("http", base));
    let authority = rest.split('/').next().unwrap_or_default();
    // What stands in brackets is an IPv6 address, whose colons are its own.
    let named =
        authority.rsplit(']').next().unwrap_or_default().rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    named.unwrap_or(if scheme == "https" { 443 } else { 80 })
}

#[cfg(test)]
mod tests {
    #[test]
    fn ports_of_addresses() {
        for (base, expect) in [
            ("http://127.0.0.1:5000", 5000),
            ("https://cloud.example", 443),
            ("http://cloud.example/x", 80),
            ("https://[fd00::1]:8443", 8443),
            ("https://[fd00::1]", 443),
        ] {
            assert_eq!(super::port_of(base), expect, "{base}");
        }
    }
}

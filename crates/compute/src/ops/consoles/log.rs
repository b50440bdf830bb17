use crate::{
    Compute, ComputeError,
    model::ServerState,
    ops::servers::{Target, on_host},
};
use kernel::{Error, Kind, Result};
use serde_json::json;
use std::time::Duration;

const WITHIN: Duration = Duration::from_secs(30);

/// The console log's last lines, or all that the host has kept.
pub(crate) async fn log(c: &Compute, server: &Target, lines: Option<u64>) -> Result<String> {
    on_host(server)?;
    let building = server.state == ServerState::Building || server.host.is_none();
    let Some(host) = server.host.clone().filter(|_| !building) else {
        return Err(ComputeError::Conflict(format!("Instance {} is not ready", server.id)).into());
    };
    let answer = c.hosts.call(&host, "vm.console_log", json!({"server": server.id, "lines": lines}), WITHIN).await;
    let answer = answer.map_err(|e| match e.kind() {
        Kind::Unavailable => Error::conflict("the server's host cannot be reached now").with_source(e),
        // A guest that has never run has said nothing.
        Kind::NotFound => ComputeError::NotReady(server.id.clone()).into(),
        _ => e,
    })?;
    let text = answer.get("log").and_then(|log| log.as_str()).unwrap_or_default();
    let text = lines.map_or(text, |lines| tail(text, usize::try_from(lines).unwrap_or(usize::MAX)));
    // What XML and terminals choke on: control characters other than line ends and tabs, as Nova does.
    Ok(text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t')).collect())
}

/// Nova's last lines: what follows the last line's end counts as one, though it is mostly empty.
fn tail(text: &str, lines: usize) -> &str {
    match text.rmatch_indices('\n').nth(lines.wrapping_sub(1)) {
        _ if lines == 0 => "",
        Some((at, _)) => &text[at + 1..],
        None => text,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_end_of_a_log() {
        for (text, lines, expect) in [
            ("a\nb\nc\n", 0, ""),
            ("a\nb\nc\n", 1, ""),
            ("a\nb\nc\n", 3, "b\nc\n"),
            ("a\nb\nc\n", 4, "a\nb\nc\n"),
            ("a\nb\nc\n", 9, "a\nb\nc\n"),
            ("a\nb\nc", 2, "b\nc"),
            ("", 3, ""),
        ] {
            assert_eq!(super::tail(text, lines), expect, "{lines} of {text:?}");
        }
    }
}

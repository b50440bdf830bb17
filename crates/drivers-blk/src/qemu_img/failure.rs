//! What went wrong, by what `qemu-img` says of it.

use super::{INVALID_IMAGE, NO_SPACE};
use kernel::Error;

pub(super) fn full(doing: &str) -> Error {
    Error::too_large(format!("{doing} failed: no space left on the host's disk")).with_code(NO_SPACE)
}

/// Sorts qemu-img's words into who is at fault.
pub(super) fn failure(doing: &str, status: &str, stderr: &str) -> Error {
    let said = stderr.trim().lines().last().unwrap_or_default().to_owned();
    let detail = format!("{doing}: qemu-img ended with {status}: {}", stderr.trim());
    let lower = stderr.to_ascii_lowercase();
    if lower.contains("no space left on device") || lower.contains("disk quota exceeded") {
        return full(doing).with_internal(detail);
    }
    if lower.contains("is another process using the image") {
        return Error::conflict(format!("{doing} failed: the disk is in use")).with_internal(detail);
    }
    let image_at_fault =
        ["image is not in", "invalid", "corrupt", "unsupported", "not supported", "image too", "does not match"];
    if image_at_fault.iter().any(|sign| lower.contains(sign)) {
        return Error::bad_request(format!("{doing} failed: {}", without_paths(&said)))
            .with_code(INVALID_IMAGE)
            .with_internal(detail);
    }
    Error::internal(detail)
}

/// What a client may read of qemu-img's last line: not where things lie on the host.
fn without_paths(said: &str) -> String {
    said.split_whitespace()
        .map(|word| if word.trim_start_matches(['\'', '"']).starts_with('/') { "…" } else { word })
        .collect::<Vec<_>>()
        .join(" ")
}

//! A guest's host name, made of the server's name as Nova does.

use kernel::ServerId;

/// The longest that Linux, Windows and DHCP servers all take.
const LONGEST: usize = 63;

/// A host name from a display name. What cannot be part of one is dropped; if nothing is left: `Server-<id>`.
pub fn from_display_name(name: &str, id: &ServerId) -> String {
    let latin = name.chars().filter(|c| u32::from(*c) < 0x100).take(LONGEST);
    let clean: String = latin
        .filter_map(|c| match c {
            ' ' | '_' | '.' => Some('-'),
            '-' => Some('-'),
            c if c.is_alphanumeric() => Some(c),
            _ => None,
        })
        .flat_map(char::to_lowercase)
        .collect();
    let clean = clean.trim_matches(['.', '-']);
    if clean.is_empty() { format!("Server-{id}") } else { clean.to_owned() }
}

/// The name of server `index` of several: Nova appends `-1`, `-2`, ….
pub fn of_several(name: &str, index: u32) -> String {
    format!("{name}-{}", index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_host_names() {
        let id = ServerId::from("42");
        for (name, expect) in [
            ("web", "web"),
            ("My Server_1.example", "my-server-1-example"),
            ("--x--", "x"),
            ("a/b:c", "abc"),
            ("日本", "Server-42"),
            ("日本 a", "a"),
            ("", "Server-42"),
            (&"x".repeat(80), &"x".repeat(63)),
        ] {
            assert_eq!(from_display_name(name, &id), expect, "{name}");
        }
    }
}

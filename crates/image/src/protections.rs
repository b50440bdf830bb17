//! Who may make, read, change and remove which properties of images: Glance's property protections, by roles.
//!
//! ```text
//! [x_billing_.*]          a regular expression that the name begins with; the first section that fits decides
//! create = admin, billing
//! read   = @              everybody
//! update = admin
//! delete = !              nobody
//! ```
//!
//! Where a file is given, what no section fits is nobody's. A property that cannot be read does not exist for the caller: it is
//! not shown, no filter finds it, and writing it is making it.

use kernel::{Ctx, Error, Result};
use regex::Regex;

/// What is done to a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Create,
    Read,
    Update,
    Delete,
}

const VERBS: [&str; 4] = ["create", "read", "update", "delete"];

#[derive(Clone, Debug, PartialEq, Eq)]
enum Allowed {
    Everybody,
    Roles(Vec<String>),
}

#[derive(Clone, Debug)]
struct Section {
    names: Regex,
    /// By [`Verb`].
    allowed: [Allowed; 4],
}

/// The rules of one file; by default everything is allowed.
#[derive(Clone, Debug, Default)]
pub struct PropertyRules(Option<Vec<Section>>);

impl PropertyRules {
    /// Reads a file's text. Errors name the line or the section.
    pub fn parse(text: &str) -> Result<Self> {
        let mut sections: Vec<(String, [Option<Allowed>; 4])> = Vec::new();
        for (n, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            let bad = || Error::bad_request(format!("property protections, line {}: cannot read {line:?}", n + 1));
            if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
                sections.push((name.to_owned(), Default::default()));
                continue;
            }
            let (verb, who) = line.split_once(['=', ':']).ok_or_else(bad)?;
            let verb = VERBS.iter().position(|v| *v == verb.trim()).ok_or_else(bad)?;
            let (_, allowed) = sections.last_mut().ok_or_else(bad)?;
            allowed[verb] = Some(read_roles(who).ok_or_else(bad)?);
        }
        sections.into_iter().map(compile).collect::<Result<_>>().map(|all| Self(Some(all)))
    }

    pub(crate) fn allows(&self, cx: &Ctx, name: &str, verb: Verb) -> bool {
        let Some(sections) = &self.0 else { return true };
        let section = sections.iter().find(|s| s.names.is_match(name));
        section.is_some_and(|s| match &s.allowed[verb as usize] {
            Allowed::Everybody => true,
            Allowed::Roles(roles) => {
                cx.credentials.roles.iter().any(|have| roles.iter().any(|r| r.eq_ignore_ascii_case(have)))
            }
        })
    }
}

/// `@`: everybody; `!`: nobody. Both at once say nothing.
fn read_roles(text: &str) -> Option<Allowed> {
    let roles: Vec<String> = text.split(',').map(|r| r.trim().to_owned()).filter(|r| !r.is_empty()).collect();
    let has = |sign: &str| roles.iter().any(|r| r == sign);
    match (has("@"), has("!")) {
        (true, true) => None,
        (true, false) => Some(Allowed::Everybody),
        (false, true) => Some(Allowed::Roles(Vec::new())),
        (false, false) => Some(Allowed::Roles(roles)),
    }
}

fn compile((name, allowed): (String, [Option<Allowed>; 4])) -> Result<Section> {
    let bad = |why: String| Error::bad_request(format!("property protections, section [{name}]: {why}"));
    let names = Regex::new(&format!("^(?:{name})")).map_err(|e| bad(e.to_string()))?;
    let missing = allowed.iter().position(Option::is_none);
    match (missing, allowed) {
        (None, [Some(create), Some(read), Some(update), Some(delete)]) => {
            Ok(Section { names, allowed: [create, read, update, delete] })
        }
        (missing, _) => Err(bad(format!("{} is missing", VERBS[missing.unwrap_or_default()]))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_say_nothing_are_refused() {
        let whole = "[a]\ncreate = @\nread = @\nupdate = !\ndelete = admin,member\n";
        assert!(PropertyRules::parse(whole).is_ok() && PropertyRules::parse("# nothing\n").is_ok());
        for (text, words) in [
            ("create = @", "line 1"),
            ("[a]\ncreate = @\nread = @\nupdate = !\n", "delete is missing"),
            ("[a]\ncreate = @, !\n", "line 2"),
            ("[a]\nburn = @\n", "line 2"),
            ("[a]\ncreate\n", "line 2"),
            (&whole.replace("[a]", "[(]"), "section [(]"),
        ] {
            let said = PropertyRules::parse(text).unwrap_err();
            assert!(said.message().contains(words), "{text}: {said}");
        }
    }
}

//! What is refused and where, what is printed, and that nothing makes the parser panic.

use policy::check::{Check, parse, parse_list};
use proptest::prelude::*;

#[test]
fn errors_say_where_and_what() {
    for (text, at, what) in [
        ("role:admin and", 14, "a check is missing"),
        ("and role:admin", 0, "a check is missing"),
        (" ", 1, "a check is missing"),
        ("()", 1, "a check is missing"),
        ("(role:admin", 11, "')' is missing"),
        ("role:admin)", 10, "')' closes nothing"),
        ("role:admin role:member", 11, "'and' or 'or' is missing before this"),
        ("role:admin or admin_only", 14, "'admin_only' is no check: a ':' is missing"),
        ("role:ä or 'a':'b'", 10, "a quoted text alone is no check; quote the left side only"),
        ("project_id:%(project_id)", 11, "'%' must begin '%(attribute)s' or be doubled"),
        ("role:100%", 8, "'%' must begin '%(attribute)s' or be doubled"),
        ("role:%(x)d", 5, "'%' must begin '%(attribute)s' or be doubled"),
        ("@ or projekt_id:%(project_id)s", 5, "credentials have no attribute 'projekt_id'; did you mean 'project_id'?"),
        ("ROLE:admin", 0, "credentials have no attribute 'ROLE'"),
        (":x", 0, "credentials have no attribute ''"),
        ("'a:x", 0, "'a is not a quoted text"),
        ("007:x", 0, "'007' is not a number"),
        ("1.e:x", 0, "'1.e' is not a number"),
        ("http://example.org/", 0, "checks that ask another server are not supported"),
        ("field:networks", 6, "a field check reads field:RESOURCE:NAME=VALUE"),
        ("field:port:device_owner=~(", 6, "'(' is no regular expression"),
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!((error.at, error.what.as_str()), (at, what), "{text}");
    }
    assert_eq!(parse("role:é or %").unwrap_err().to_string(), "at character 11: '%' is no check: a ':' is missing");
}

#[test]
fn nesting_is_bounded() {
    let nested = |n: usize| format!("{}@{}", "(".repeat(n), ")".repeat(n));
    assert_eq!(parse(&nested(60)), Ok(Check::True));
    for text in [
        nested(100_000),
        "(".repeat(100_000),
        "not ".repeat(100_000) + "@",
        "(@ and (@ or ".repeat(40) + "@" + &"))".repeat(40),
    ] {
        assert_eq!(parse(&text).unwrap_err().what, "nested too deeply");
    }
}

#[test]
fn printing_is_canonical() {
    for (text, printed) in [
        ("", "@"),
        ("role:a  AND\nnot role:b", "(role:a and not role:b)"),
        ("role:a or role:b and role:c", "(role:a or (role:b and role:c))"),
        ("not (role:a or rule:b)", "not (role:a or rule:b)"),
        ("((project_id:%(project_id)s))", "project_id:%(project_id)s"),
        ("'member':%(target.role.name)s", "'member':%(target.role.name)s"),
        ("field:networks:router:external=True", "field:networks:router:external=True"),
    ] {
        assert_eq!(parse(text).unwrap().to_string(), printed, "{text}");
    }
    let list = parse_list(&[vec!["role:a".into()], vec![], vec!["role:b".into(), "!".into()]]).unwrap();
    assert_eq!(list.to_string(), "(role:a or (role:b and !))");
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("and".to_owned()),
        Just("or".to_owned()),
        Just("not".to_owned()),
        Just("@".to_owned()),
        Just("rule:x)".to_owned()),
        "\\({0,2}(role|rule|user_id|'a'|None|12|-0\\.5|token\\.domain\\.id):[a-z%()s:'é]{0,6}\\){0,2}",
        "\\({0,2}(role|project_id):(%\\([a-z.:()]{0,5}\\)s|%%|[a-z]){0,3}\\){0,2}",
        "\\(?field:[a-z]{1,3}:[a-z:]{1,3}=~?[a-z*^(|]{0,4}\\)?",
    ]
}

/// Checks that are well formed, so that the round trip is tried on deep trees and not only on lucky short ones.
fn well_formed() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("@".to_owned()),
        Just("!".to_owned()),
        "role:[a-zA-Z_:é]{0,5}",
        "(user_id|roles|None|True|'x y'|\"q\"|7|-1\\.25):(%\\([a-z.]{1,5}\\)s|[a-z]){0,3}",
        "field:[a-z]{1,3}:[a-z:]{1,5}=~?[a-z*]{1,4}",
    ]
    .prop_map(|leaf| leaf.replace("x y", "xy"));
    leaf.prop_recursive(6, 40, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|a| format!("not {a}")),
            inner.clone().prop_map(|a| format!("(({a}))")),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| parts.join(" and ")),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" OR "))),
            prop::collection::vec(inner, 2..4).prop_map(|parts| parts.join("  or not ")),
        ]
    })
}

pub fn reparses_equal(check: &Check) {
    let printed = check.to_string();
    assert_eq!(parse(&printed).as_ref(), Ok(check), "{printed}");
}

/// Any text, words of the language in any order, and whole checks.
pub fn any_check() -> impl Strategy<Value = String> {
    let words = prop::collection::vec(word(), 0..12).prop_map(|words| words.join(" "));
    prop_oneof!["\\PC{0,60}", words, well_formed()]
}

proptest! {
    #[test]
    fn well_formed_checks_parse_and_print_as_themselves(text in well_formed()) {
        match parse(&text) {
            Ok(check) => reparses_equal(&check),
            Err(e) => prop_assert!(e.what.contains("regular expression"), "{text}: {e}"),
        }
    }
}

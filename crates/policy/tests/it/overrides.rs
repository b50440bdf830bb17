//! An operator's file: what it changes, and that one with a mistake changes nothing and says what is wrong.

use crate::personas::{ann, bob};
use policy::{Decision, Enforcer, Policies, ServicePolicy, target};

mod rules {
    policy::rules! {
        /// Start a server.
        START = "compute:start", "rule:admin_or_owner", [Project], POST "/servers/{id}/action";
        /// Stop a server.
        STOP = "compute:stop", "rule:admin_or_owner", [Project], POST "/servers/{id}/action";
    }
}
use rules::{START, STOP};

pub static POLICY: ServicePolicy = ServicePolicy {
    service: "compute",
    base: &[("admin_required", "role:admin"), ("admin_or_owner", "rule:admin_required or project_id:%(project_id)s")],
    rules: &[rules::ALL],
    refusal: "Policy doesn't allow {} to be performed.",
};

fn problems(text: &str) -> Vec<String> {
    match Enforcer::new(&POLICY).unwrap().with_overrides(text) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.0.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn an_override_replaces_the_default_and_leaves_the_rest() {
    let own = target! { "project_id" => "p1" };
    let defaults = Enforcer::new(&POLICY).unwrap();
    let ask = |enforcer: &Enforcer| [&START, &STOP].map(|rule| enforcer.enforce(rule, &bob(), &own));
    assert_eq!(ask(&defaults), [Decision::Allowed, Decision::Allowed]);
    for (text, expected) in [
        ("", [Decision::Allowed, Decision::Allowed]),
        ("# nothing\n", [Decision::Allowed, Decision::Allowed]),
        ("'compute:start': '!'", [Decision::Denied, Decision::Allowed]),
        (r#"{"compute:start": "not role:member"}"#, [Decision::Denied, Decision::Allowed]),
        ("admin_or_owner: rule:admin_required", [Decision::Denied, Decision::Denied]),
        ("trainers: role:trainer\n'compute:stop': rule:trainers", [Decision::Allowed, Decision::Denied]),
        ("'compute:stop': [[role:admin], [role:member, 'user_id:alice']]", [Decision::Allowed, Decision::Denied]),
        ("'compute:stop': [role:admin, role:member]", [Decision::Allowed, Decision::Allowed]),
        ("default: '!'\n'compute:stop': rule:unheard_of", [Decision::Allowed, Decision::Denied]),
        ("default: '@'\n'compute:stop': rule:unheard_of", [Decision::Allowed, Decision::Allowed]),
    ] {
        let overridden = defaults.with_overrides(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(ask(&overridden), expected, "{text}");
        assert_eq!(ask(&overridden.with_overrides("").unwrap()), ask(&defaults), "files do not pile up");
    }
}

#[test]
fn mistakes_are_named_all_at_once() {
    for (text, expected) in [
        (
            "'compute:strat': '@'",
            vec!["compute:strat: no rule has this name and none refers to it; did you mean 'compute:start'?"],
        ),
        ("zebra: rule:zebra", vec!["zebra: no rule has this name and none refers to it"]),
        ("'compute:start': role:a or", vec!["compute:start: at character 10: a check is missing"]),
        (
            "'compute:start': rule:admin_or_ownr",
            vec!["compute:start: refers to rule:admin_or_ownr, which is not defined; did you mean 'admin_or_owner'?"],
        ),
        (
            "'compute:start': rule:a\n'a': rule:b\n'b': not rule:a",
            ["compute:start", "a", "b"]
                .map(|r| format!("{r}: its references lead back to where they came from, or too far"))
                .to_vec()
                .leak()
                .iter()
                .map(String::as_str)
                .collect(),
        ),
        (
            "'compute:start':",
            vec![r#"compute:start: a check is a text or a list of lists of texts; "@" allows everybody, "!" nobody"#],
        ),
        (
            "'compute:start': [[1]]",
            vec![r#"compute:start: a check is a text or a list of lists of texts; "@" allows everybody, "!" nobody"#],
        ),
        ("[a, b]", vec!["the file must map rule names to checks"]),
        ("1: '@'", vec!["the file must map rule names to checks"]),
        (
            "'compute:start': admin\n'compute:stop': 'role:a)'",
            vec![
                "compute:start: at character 1: 'admin' is no check: a ':' is missing",
                "compute:stop: at character 7: ')' closes nothing",
            ],
        ),
    ] {
        assert_eq!(problems(text), expected, "{text}");
    }
    assert!(problems("a: b: c")[0].starts_with("the file is not YAML: "), "{:?}", problems("a: b: c"));
    assert!(
        problems("'compute:start': '@'\n'compute:start': '!'")[0].contains("duplicate"),
        "{:?}",
        problems("'a': '@'\n'a': '!'")
    );
}

#[test]
fn a_chain_of_references_is_bounded() {
    let chain = |n: usize| {
        (0..n).fold("'compute:start': rule:r0\n".to_owned(), |text, i| format!("{text}r{i}: rule:r{}\n", i + 1))
            + &format!("r{n}: '@'\n")
    };
    assert_eq!(problems(&chain(50)), Vec::<String>::new());
    assert!(problems(&chain(50_000)).iter().any(|p| p.contains("lead back")));
}

#[test]
fn a_service_with_bad_defaults_does_not_start() {
    static TWICE: ServicePolicy = ServicePolicy { base: &[("compute:start", "@")], ..POLICY_LIKE };
    static BROKEN: ServicePolicy = ServicePolicy { base: &[("x", "role")], ..POLICY_LIKE };
    const POLICY_LIKE: ServicePolicy =
        ServicePolicy { service: "compute", base: &[], rules: &[rules::ALL], refusal: "{}" };
    let text = |policy| Enforcer::new(policy).unwrap_err().to_string();
    assert!(text(&TWICE).contains("compute:start: declared twice"), "{}", text(&TWICE));
    assert!(text(&BROKEN).contains("x: at character 1: 'role' is no check"), "{}", text(&BROKEN));
    assert!(text(&BROKEN).contains("refers to rule:admin_or_owner, which is not defined"), "{}", text(&BROKEN));
}

#[test]
fn a_running_policy_is_replaced_whole_or_not_at_all() {
    let policies = Policies::new(&[&POLICY]).unwrap();
    let nobody = target! { "project_id" => "another" };
    let may = || policies.authorize(&START, &ann(), &nobody).is_ok();
    assert!(may());
    policies.load("compute", "'compute:start': '!'").unwrap();
    assert!(!may());
    policies.load("compute", "'compute:start': '@'\n'compute:stop': oops").unwrap_err();
    assert!(!may(), "the file with a mistake changed nothing");
    policies.load("compute", "").unwrap();
    assert!(may());
    assert_eq!(
        policies.load("compue", "").unwrap_err().to_string(),
        "no service is called compue; did you mean 'compute'?"
    );
}

static OTHER: ServicePolicy =
    ServicePolicy { service: "volume", base: &[("admin", "role:admin")], rules: &[], refusal: "{}" };

#[test]
fn a_file_of_several_services_is_taken_whole_or_not_at_all() {
    let policies = Policies::new(&[&POLICY, &OTHER]).unwrap();
    let own = target! { "project_id" => "p1" };
    let may_start = || policies.authorize(&START, &bob(), &own).is_ok();
    let wrong = "compute:\n  compute:start: '!'\nvolume:\n  admn: '@'\nnetwrk: {}\n";
    let said: Vec<_> = policies.load_all(wrong).unwrap_err().0.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        ["admn: no rule has this name and none refers to it; did you mean 'admin'?", "no service is called netwrk"]
    );
    assert!(may_start(), "nothing is in force of a file with mistakes");
    for text in ["", "compute: {}\nvolume:\n"] {
        policies.load_all(text).unwrap();
        assert!(may_start());
    }
    policies.load_all("compute:\n  compute:start: '!'\n").unwrap();
    assert!(!may_start());
    assert!(policies.load_all("- compute").is_err() && policies.load_all("compute: [").is_err());
}

//! The same questions as in `language` and more, for as long as is asked for: checks and files of any text are understood or
//! refused, what is understood prints as itself, decides alike in both spellings, and never takes the process down.

use crate::{
    language::{any_check, reparses_equal},
    overrides::POLICY,
    personas::{ann, bob},
};
use kernel::testkit::{Rng, fuzz};
use policy::{Enforcer, Policies, check::parse};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

/// Each seed is a run of proptest, with its shrinking.
fn runner(seed: u64) -> TestRunner {
    let mut rng = Rng::new(seed);
    let octets: Vec<u8> = (0..4).flat_map(|_| rng.bits().to_le_bytes()).collect();
    let config = Config { cases: 256, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &octets))
}

fn target() -> Value {
    json!({"project_id": "p1", "user_id": "bob", "a": {"b": "x"}, "enabled": true, "none": null, "n": 7, "field:x:y": "z",
        "networks:shared": "True", "target.role.name": "member"})
}

/// A file with this check for one rule, as YAML writes it.
fn file(check: &str) -> String {
    json!({"compute:start": check, "default": "!"}).to_string()
}

fn understood_or_refused(text: &str) {
    let Ok(check) = parse(text) else { return };
    reparses_equal(&check);
    let defaults = Enforcer::new(&POLICY).unwrap();
    let (Ok(as_written), Ok(as_printed)) =
        (defaults.with_overrides(&file(text)), defaults.with_overrides(&file(&check.to_string())))
    else {
        return;
    };
    let rule = as_written.rule("compute:start").unwrap();
    for who in [ann(), bob()] {
        let decision = as_written.enforce(rule, &who, &target());
        assert_eq!(decision, as_printed.enforce(rule, &who, &target()), "{text}");
        assert_eq!(decision, as_written.explain(rule, &who, &target()).decision, "{text}");
        let shown = as_written.explain(rule, &who, &()).to_string();
        assert!(!shown.is_empty(), "{text}");
    }
}

#[test]
fn checks() {
    fuzz("checks of policy", 6, |seed| {
        let judged = runner(seed).run(&any_check(), |text| {
            understood_or_refused(&text);
            Ok(())
        });
        judged.unwrap();
    });
}

/// Lines of files that were right once.
const LINES: &[&str] = &[
    "\"compute:start\": \"rule:admin_or_owner\"",
    "'compute:stop': [[role:admin], [role:member, 'user_id:alice']]",
    "'compute:stop': []",
    "compute:",
    "  \"compute:start\": \"role:a and not (role:b or rule:trainers)\"",
    "  trainers: role:trainer",
    "trainers: rule:trainers",
    "default: '!'",
    "{\"compute:start\": \"@\"}",
    "? [a, b]\n: c",
    "a: &x [*x]",
    "a: &x 1\nb: [*x, *x, *x]",
    "<<: {a: '@'}",
    "- x",
    "---",
    "...",
    "!!binary aGFsbG8=",
    "'compute:start': |\n  role:a\n  or role:b",
    "# nothing",
];

fn any_file(rng: &mut Rng) -> String {
    let mut lines: Vec<String> = (0..rng.below(5)).map(|_| (*rng.pick(LINES)).to_owned()).collect();
    if rng.percent(50) {
        let line = format!("'compute:start': {}", Value::from(rng.text()));
        lines.push(line);
    }
    let mut text: Vec<char> = lines.join("\n").chars().collect();
    for _ in 0..rng.below(3) {
        let at = rng.below(text.len() + 1);
        match rng.below(3) {
            0 if at < text.len() => drop(text.remove(at)),
            1 => text
                .insert(at, *rng.pick(&[':', '\'', '"', '{', '[', '\n', ' ', '&', '*', '%', '\0', 'é', '-', '|', '#'])),
            _ => drop(text.splice(at..at, rng.text().chars())),
        }
    }
    text.into_iter().collect()
}

#[test]
fn files() {
    fuzz("policy files", 4, |seed| {
        let mut rng = Rng::new(seed);
        let defaults = Enforcer::new(&POLICY).unwrap();
        let policies = Policies::new(&[&POLICY]).unwrap();
        for _ in 0..200 {
            let text = any_file(&mut rng);
            let told = match (defaults.with_overrides(&text), policies.load("compute", &text)) {
                (Ok(enforcer), Ok(())) => {
                    assert!(enforcer.checks().count() >= defaults.checks().count(), "{text:?}");
                    continue;
                }
                (Err(problems), Err(same)) if problems == same => problems.to_string(),
                other => panic!("{text:?}: {:?}", other.1),
            };
            assert!(!told.is_empty(), "{text:?}");
            if let Err(problems) = policies.load_all(&text) {
                assert!(!problems.0.is_empty(), "{text:?}");
            }
        }
    });
}

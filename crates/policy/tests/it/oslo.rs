//! The same questions put to oslo.policy itself: `oslo_policy.json` holds its recorded answers, one `y` or `.` for each
//! pair of credentials (a group) and target (a letter).

use crate::personas::{ann, bob, cat, dora, sid, una};
use policy::{Decision, Enforcer, Rule, ServicePolicy};
use serde_json::Value;

static ASKED: Rule = Rule { name: "asked", check: "!", scope: &[], ops: &[], doc: "" };
static POLICY: ServicePolicy = ServicePolicy { service: "test", base: &[], rules: &[&[&ASKED]], refusal: "{}" };

#[test]
fn every_answer_is_oslo_policys() {
    let recorded: Value = serde_json::from_str(include_str!("oslo_policy.json")).unwrap();
    let people = [ann(), bob(), cat(), dora(), sid(), una()];
    let targets = recorded["targets"].as_array().unwrap();
    let answers = recorded["answers"].as_array().unwrap();
    assert!(answers.len() > 100, "the table was read");
    for row in answers {
        let mut rules = recorded["rules"].clone();
        rules["asked"] = row[0].clone();
        // The rules of the table that this row does not use would be reported; a rule that uses them all keeps them.
        let names: Vec<String> =
            recorded["rules"].as_object().unwrap().keys().map(|name| format!("rule:{name}")).collect();
        rules["default"] = names.join(" or ").into();
        let enforcer = Enforcer::new(&POLICY)
            .unwrap()
            .with_overrides(&rules.to_string())
            .unwrap_or_else(|e| panic!("{}: {e}", row[0]));
        let ours: Vec<String> = people
            .iter()
            .map(|who| {
                let answer = |target| match enforcer.enforce(&ASKED, who, target) {
                    Decision::Allowed => 'y',
                    _ => '.',
                };
                targets.iter().map(|target| answer(target)).collect()
            })
            .collect();
        assert_eq!(ours.join(" "), row[1].as_str().unwrap(), "{}", row[0]);
        for (who, target) in people.iter().flat_map(|who| targets.iter().map(move |target| (who, target))) {
            let explained = enforcer.explain(&ASKED, who, target);
            assert_eq!(explained.step.map(|step| step.holds), Some(explained.decision.is_allowed()), "{}", row[0]);
        }
    }
}

//! From named checks to something that can be evaluated: references resolved, cycles and endless chains refused.

use crate::{Problem, check::Check, overrides::nearest};
use std::collections::HashMap;

/// References followed one after another beyond which a chain is refused; OpenStack's own defaults stay below ten.
const MAX_CHAIN: usize = 64;

/// The rule that stands in for an undefined one, if there is such a rule (oslo.policy's `policy_default_rule`).
pub(crate) const DEFAULT: &str = "default";

/// Sets where every `rule:` leads. All problems are reported, not only the first.
pub(crate) fn link(names: &[String], checks: &mut [Check]) -> Vec<Problem> {
    let index: HashMap<&str, usize> = names.iter().enumerate().map(|(at, name)| (name.as_str(), at)).collect();
    let mut problems = Vec::new();
    for (at, check) in checks.iter_mut().enumerate() {
        check.each_reference_mut(&mut |reference| {
            reference.at = index.get(&*reference.name).or_else(|| index.get(DEFAULT)).copied();
            if reference.at.is_none() {
                problems.push(Problem::UndefinedReference {
                    rule: names[at].clone(),
                    name: reference.name.to_string(),
                    nearest: nearest(&reference.name, names.iter().map(String::as_str)),
                });
            }
        });
    }
    problems.extend(Walk::over(checks).into_iter().map(|at| Problem::Endless { rule: names[at].clone() }));
    problems
}

/// Depth-first over references. `longest[i]` is the length of the longest chain that begins at i, once known.
struct Walk<'a> {
    checks: &'a [Check],
    longest: Vec<State>,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Unseen,
    Open,
    Known(usize),
    Endless,
}

impl<'a> Walk<'a> {
    /// The checks that refer to themselves, directly or not, or begin a chain that is too long.
    fn over(checks: &'a [Check]) -> Vec<usize> {
        let mut walk = Self { checks, longest: vec![State::Unseen; checks.len()] };
        (0..checks.len()).filter(|at| walk.visit(*at, 0).is_none()).collect()
    }

    fn visit(&mut self, at: usize, above: usize) -> Option<usize> {
        match self.longest[at] {
            State::Known(length) => return Some(length),
            State::Open | State::Endless => return None,
            State::Unseen if above > MAX_CHAIN => return None,
            State::Unseen => {}
        }
        self.longest[at] = State::Open;
        let mut next = Vec::new();
        self.checks[at].each_reference(&mut |reference| next.extend(reference.at));
        let mut length = Some(0);
        for to in next {
            let below = self.visit(to, above + 1);
            length = length.zip(below).map(|(so_far, below)| so_far.max(below + 1));
        }
        let length = length.filter(|length| *length <= MAX_CHAIN);
        self.longest[at] = length.map_or(State::Endless, State::Known);
        length
    }
}

//! Was a history of transactions strictly serializable?
//!
//! Transactions read and write registers. A write reads its register first and counts it up, so every version of a register has
//! a number, and each operation says which versions it read and wrote. That makes the order of the versions *known*, and with it
//! Adya's serialization graph complete. Its edges say who must come before whom:
//!
//! - the writer of a version before whoever read it, and before the writer of the next one;
//! - whoever read a version before the writer of the next one;
//! - whoever had its answer before another was begun, before that one (this makes it *strict*).
//!
//! If the graph has no cycle, any topological order of it is a serial execution in which every operation reads what it did read,
//! and which respects real time. If it has one, no such order exists, for every edge is forced. So the check finds all
//! violations, and only violations, and costs no more than walking the graph; there is nothing to search.
//!
//! Real time would need an edge for every pair. A line of time points carries them instead: an answered operation points to the
//! moment of its answer, a moment to the next, and the moment before its beginning to an operation.

use std::collections::{BTreeMap, HashMap};

pub type Version = (String, u64);

/// One operation, with times from one counter that everybody draws from.
#[derive(Clone, Debug, Default)]
pub struct Op {
    pub name: String,
    pub began: u64,
    /// `None`: it had no answer, or an error; what it wrote was found in the log.
    pub answered: Option<u64>,
    /// Version 0 is the register before the first write.
    pub reads: Vec<Version>,
    pub writes: Vec<Version>,
}

/// Says what is wrong with a history, if anything is.
pub fn check(ops: &[Op]) -> Result<(), String> {
    let writers = writers(ops)?;
    let mut graph = Graph::with_nodes(ops.len());
    for (n, op) in ops.iter().enumerate() {
        for (register, version) in &op.reads {
            match writers.get(&(register.clone(), *version)) {
                Some(writer) => graph.edge(*writer, n),
                None if *version == 0 => {}
                None => return Err(format!("{} read version {version} of {register}, which nobody wrote", op.name)),
            }
            if let Some(next) = writers.get(&(register.clone(), version + 1)) {
                graph.edge(n, *next);
            }
        }
        for (register, version) in &op.writes {
            if let Some(next) = writers.get(&(register.clone(), version + 1)) {
                graph.edge(n, *next);
            }
        }
    }
    graph.time_line(ops);
    match graph.left_after_sorting(ops.len()) {
        left if left.is_empty() => Ok(()),
        left => {
            let named: Vec<_> = left.iter().take(6).map(|n| format!("{:?}", ops[*n])).collect();
            Err(format!("{} operations have no serial order, among them:\n{}", left.len(), named.join("\n")))
        }
    }
}

/// Who wrote each version; every version once, and none left out.
fn writers(ops: &[Op]) -> Result<HashMap<Version, usize>, String> {
    let mut writers = HashMap::new();
    let mut newest = BTreeMap::<&str, u64>::new();
    for (n, op) in ops.iter().enumerate() {
        for version in &op.writes {
            if let Some(other) = writers.insert(version.clone(), n) {
                return Err(format!(
                    "{version:?} was written by {} and by {}: an update is lost",
                    ops[other].name, op.name
                ));
            }
            let newest = newest.entry(&version.0).or_default();
            *newest = version.1.max(*newest);
        }
    }
    for (register, newest) in newest {
        if let Some(gap) = (1..=newest).find(|v| !writers.contains_key(&(register.to_owned(), *v))) {
            return Err(format!("nobody wrote version {gap} of {register}, though there is {newest}"));
        }
    }
    Ok(writers)
}

struct Graph {
    to: Vec<Vec<usize>>,
    incoming: Vec<usize>,
}

impl Graph {
    fn with_nodes(count: usize) -> Self {
        Self { to: vec![Vec::new(); count], incoming: vec![0; count] }
    }

    fn edge(&mut self, from: usize, to: usize) {
        if from != to {
            self.to[from].push(to);
            self.incoming[to] += 1;
        }
    }

    /// A node per answer, in order of time; between it and the next lie the beginnings that came after it.
    fn time_line(&mut self, ops: &[Op]) {
        let mut answers: Vec<_> = ops.iter().enumerate().filter_map(|(n, op)| Some((op.answered?, n))).collect();
        answers.sort_unstable();
        let first = self.to.len();
        self.to.resize(first + answers.len(), Vec::new());
        self.incoming.resize(first + answers.len(), 0);
        for (at, (_, op)) in answers.iter().enumerate() {
            self.edge(*op, first + at);
            if at > 0 {
                self.edge(first + at - 1, first + at);
            }
        }
        for (n, op) in ops.iter().enumerate() {
            let before = answers.partition_point(|(time, _)| *time < op.began);
            if before > 0 {
                self.edge(first + before - 1, n);
            }
        }
    }

    /// The operations that a topological sort cannot place.
    fn left_after_sorting(mut self, ops: usize) -> Vec<usize> {
        let mut ready: Vec<_> = (0..self.to.len()).filter(|n| self.incoming[*n] == 0).collect();
        while let Some(node) = ready.pop() {
            for to in std::mem::take(&mut self.to[node]) {
                self.incoming[to] -= 1;
                if self.incoming[to] == 0 {
                    ready.push(to);
                }
            }
        }
        (0..ops).filter(|n| self.incoming[*n] > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `name began..answered reads → writes`, versions as `x1`; no answer as `?`.
    fn op(text: &str) -> Op {
        let mut words = text.split_whitespace();
        let name = words.next().unwrap().to_owned();
        let (began, answered) = words.next().unwrap().split_once("..").unwrap();
        let version = |word: &str| (word[..1].to_owned(), word[1..].parse().unwrap());
        let (reads, writes) = words.partition::<Vec<_>, _>(|word| !word.starts_with('→'));
        Op {
            name,
            began: began.parse().unwrap(),
            answered: answered.parse().ok(),
            reads: reads.into_iter().map(version).collect(),
            writes: writes.into_iter().map(|word| version(word.trim_start_matches('→'))).collect(),
        }
    }

    #[test]
    fn violations_are_found_and_only_violations() {
        let cases: [(&str, &[&str], &str); 9] = [
            ("one after the other", &["a 1..2 x0 →x1", "b 3..4 x1 →x2", "c 5..6 x2"], ""),
            ("at the same time, either order", &["a 1..9 x0 →x1", "b 2..8 x0"], ""),
            ("an unanswered write that happened, seen late", &["a 1..? x0 →x1", "b 2..3 x0", "c 4..5 x1"], ""),
            ("a lost update", &["a 1..5 x0 →x1", "b 1..5 x0 →x1"], "lost"),
            ("a stale read", &["a 1..2 x0 →x1", "b 3..4 x0"], "no serial order"),
            ("a read that goes back", &["a 1..9 x0 →x1", "b 2..3 x1", "c 4..5 x0"], "no serial order"),
            ("write skew", &["a 1..9 x0 y0 →x1", "b 1..9 x0 y0 →y1"], "no serial order"),
            ("a torn read", &["a 1..9 x0 y0 →x1 →y1", "b 1..9 x1 y0"], "no serial order"),
            ("a read of what never was", &["a 1..2 x3"], "nobody wrote"),
        ];
        for (what, history, expected) in cases {
            let found = check(&history.iter().map(|text| op(text)).collect::<Vec<_>>());
            match expected {
                "" => assert_eq!(found, Ok(()), "{what}"),
                _ => assert!(found.clone().is_err_and(|e| e.contains(expected)), "{what}: {found:?}"),
            }
        }
    }
}

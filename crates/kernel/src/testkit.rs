//! For tests that try whatever comes, for as long as they are given: `cargo test` gives seconds, `cargo xtask prove fuzz` minutes.
//!
//! Every case has a seed of its own, so one that failed is repeated alone, whatever ran before it.

use std::{
    env,
    time::{Duration, Instant},
};

/// How long each test goes on.
pub const SECONDS: &str = "TSTACK_FUZZ_SECONDS";
/// The first case's seed; the others count on from it.
pub const SEED: &str = "TSTACK_FUZZ_SEED";

/// Runs `case` with one seed after another until the time is over, at least once. How many there were.
pub fn fuzz(what: &str, seconds: u64, mut case: impl FnMut(u64)) -> u64 {
    let given = |name: &str| env::var(name).ok().and_then(|text| text.parse().ok());
    let (seconds, first) = (given(SECONDS).unwrap_or(seconds), given(SEED).unwrap_or(1));
    let began = Instant::now();
    let mut cases = 0;
    loop {
        let seed = first + cases;
        let told = Told(seed);
        case(seed);
        drop(told);
        cases += 1;
        if began.elapsed() >= Duration::from_secs(seconds) {
            break;
        }
    }
    eprintln!("fuzz {what}: {cases} cases from seed {first} in {:.0?}", began.elapsed());
    cases
}

/// Says on the way out of a panic how to come back to it.
struct Told(u64);

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("again: {SEED}={} {SECONDS}=0", self.0);
        }
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): small, and the same everywhere.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `n`, which is not 0.
    pub fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.bits() % n as u64).unwrap_or_default()
    }

    /// True `n` times out of a hundred.
    pub fn percent(&mut self, n: usize) -> bool {
        self.below(100) < n
    }

    /// One of these, of which there is one.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// Texts that have been trouble somewhere.
    pub fn text(&mut self) -> String {
        const TROUBLE: &[&str] = &[
            "",
            " ",
            "\t\n",
            "\0",
            "a\0b",
            "null",
            "None",
            "true",
            "0",
            "-1",
            "1e999",
            "NaN",
            "../..",
            "%00",
            "%",
            "{}",
            "[]",
            "'",
            "\"",
            "\\",
            "é",
            "e\u{301}",
            "ß",
            "İ",
            "日本語",
            "😀",
            "👩‍👩‍👧",
            "\u{202e}abc",
            "\u{feff}",
            "\u{fffd}",
            "\u{10ffff}",
            "a/b",
            "a,b",
            "a b",
            "x;y",
            "2026-02-30T00:00:00Z",
            "9999-12-31T23:59:59.999999Z",
            "0000-00-00T00:00:00Z",
            "http://",
            "http://$(user_id)s/%(tenant_id)s/%(",
            "file:///x",
            "$2b$04$",
            "gAAAAA",
        ];
        match self.below(8) {
            0..4 => (*self.pick(TROUBLE)).to_owned(),
            4 => {
                let length = *self.pick(&[1, 63, 64, 65, 225, 226, 255, 256, 4096, 70_000]);
                (*self.pick(&["x", "é", "😀", " "])).repeat(length)
            }
            5 => (0..self.below(12)).map(|_| char::from_u32(self.below(0x11_0000) as u32).unwrap_or('?')).collect(),
            6 => format!("{:032x}", u128::from(self.bits())),
            _ => format!("n{}", self.below(1000)),
        }
    }
}

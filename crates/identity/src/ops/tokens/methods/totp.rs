//! By a time-based one-time password (RFC 6238: SHA-1, six digits, thirty seconds), from a seed that the user keeps as a
//! credential of type `totp`. Wrong codes count for lock-out as wrong passwords do: six digits are few.

use super::{Proven, find_user};
use crate::{
    Identity, Refusal,
    model::{Purpose, User, credential::OF_USER, token::Method, user::Failures},
    ops::{audit::Note, tokens::login::PasswordLogin},
};
use hmac::{Hmac, Mac};
use kernel::{Result, Timestamp};
use sha1::Sha1;
use std::sync::Arc;
use store::Tx;

const STEP: i64 = 30;
/// Steps before the current one whose codes still count, for clocks and fingers that are slow (Keystone's default).
const PREVIOUS: i64 = 1;

pub(super) async fn prove(id: &Identity, login: Option<&PasswordLogin>, note: &Note) -> Result<Proven> {
    let wanted = login.and_then(|t| t.user.as_ref());
    let wanted = wanted.ok_or(Refusal::Missing { attribute: "user", target: "totp" })?;
    let passcode = wanted.passcode.clone().unwrap_or_default();
    let user = find_user(&id.view(), wanted)?;
    let right = user.as_ref().is_some_and(|user| fits(id, user, &passcode));
    let (this, note, now) = (id.clone(), note.clone(), id.now());
    let who = user.map_or_else(|| "unknown".to_owned(), |u| u.id.to_string());
    let settled = id.store().transact("identity.login.totp", move |tx| {
        let outcome = settle(&this, tx, &who, right, now);
        let (word, why) = match &outcome {
            Ok(_) => ("success", None),
            Err(why) => ("failure", Some(*why)),
        };
        note.login(tx, &who, word, why)?;
        Ok(outcome)
    });
    let user = settled.await?.map_err(Refusal::Unauthorized)?;
    Ok(Proven::of(user, Method::Totp))
}

/// Whether the code is one of the user's seeds' at this time.
fn fits(id: &Identity, user: &User, passcode: &str) -> bool {
    let view = id.view();
    let now = id.now().secs().div_euclid(STEP);
    let seeds = view.by(OF_USER, &user.id).filter(|c| c.kind.eq_ignore_ascii_case("totp"));
    let seeds = seeds.filter_map(|c| id.rings().open(&view, Purpose::Credentials, &c.sealed).ok().flatten());
    let seeds: Vec<_> = seeds.filter_map(|blob| base32(&blob)).collect();
    // Every seed and step is tried, so that time does not tell which fits.
    let steps = (now - PREVIOUS)..=now;
    steps
        .flat_map(|step| seeds.iter().map(move |seed| code(seed, step)))
        .fold(false, |any, code| any | same(&code, passcode))
}

fn settle(id: &Identity, tx: &mut Tx, who: &str, right: bool, now: Timestamp) -> Result<Arc<User>, &'static str> {
    let lockout = id.config().lockout();
    let user = tx.get::<User>(who).filter(|u| !u.deleting).ok_or("no such user")?;
    if user.locked(lockout, now) {
        return Err("account locked");
    }
    if !right {
        if lockout.attempts > 0 {
            let before = if user.failures.count >= lockout.attempts { 0 } else { user.failures.count };
            let failures = Failures { count: before + 1, last: Some(now) };
            tx.put(User { failures, ..User::clone(&user) });
        }
        return Err("wrong passcode");
    }
    match user.active(id.config().passwords.disable_after_inactive_days, now) {
        true => Ok(user),
        false => Err("account disabled"),
    }
}

fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |diff, (x, y)| diff | (x ^ y)) == 0
}

/// RFC 4226's truncation of HMAC-SHA-1 over the step's number.
fn code(seed: &[u8], step: i64) -> String {
    let mut mac = match Hmac::<Sha1>::new_from_slice(seed) {
        Ok(mac) => mac,
        Err(_) => unreachable!("HMAC takes keys of any length"),
    };
    mac.update(&step.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let at = usize::from(digest[19] & 0xf);
    let number = u32::from_be_bytes([digest[at] & 0x7f, digest[at + 1], digest[at + 2], digest[at + 3]]);
    format!("{:06}", number % 1_000_000)
}

/// RFC 4648, without regard to case, padding or blanks.
fn base32(text: &[u8]) -> Option<Vec<u8>> {
    let (mut out, mut bits, mut count) = (Vec::new(), 0u32, 0);
    for digit in text.iter().filter(|d| !d.is_ascii_whitespace() && **d != b'=') {
        let value = match digit.to_ascii_uppercase() {
            letter @ b'A'..=b'Z' => letter - b'A',
            number @ b'2'..=b'7' => number - b'2' + 26,
            _ => return None,
        };
        bits = (bits << 5) | u32::from(value);
        count += 5;
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from(bits >> count & 0xff).unwrap_or_default());
        }
    }
    (!out.is_empty()).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_6238_vectors() {
        // Appendix B, SHA-1, the last six of its eight digits.
        let check = |secs: i64, expect: &str| assert_eq!(code(b"12345678901234567890", secs / STEP), expect, "{secs}");
        check(59, "287082");
        check(1_111_111_109, "081804");
        check(1_111_111_111, "050471");
        check(1_234_567_890, "005924");
        check(2_000_000_000, "279037");
        check(20_000_000_000, "353130");
    }

    #[test]
    fn base32_as_authenticators_write_it() {
        let check =
            |text: &str, expect: Option<&[u8]>| assert_eq!(base32(text.as_bytes()).as_deref(), expect, "{text}");
        check("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", Some(b"12345678901234567890"));
        check("mzxw 6ytb oi======", Some(b"foobar"));
        check("MZXW6", Some(b"foo"));
        check("", None);
        check("01", None);
    }
}

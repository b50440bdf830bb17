//! Hashes as text, each saying how it was made: bcrypt's own form, and PHC strings for scrypt and argon2id. Keystone's
//! bcrypt and scrypt hashes verify here.

use super::check_strength;
use crate::{
    Refusal,
    config::{Algorithm, PasswordConfig},
};
use argon2::Argon2;
use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD as B64};
use kernel::{Error, Result, error::Doing};
use rand::RngCore;

/// bcrypt looks at no more.
const BCRYPT_OCTETS: usize = 72;
const SALT: usize = 16;
const OUTPUT: usize = 32;

/// Judges a new password before it is hashed.
pub(crate) fn check_new(config: &PasswordConfig, password: &str) -> Result<()> {
    check_strength(config, password)?;
    let most = most(config);
    if config.strict && password.len() > most {
        return Err(Refusal::forbidden(format!(
            "The password length must be less than or equal to {most}. The server could not comply with the request \
             because the password is invalid."
        ))
        .into());
    }
    Ok(())
}

fn most(config: &PasswordConfig) -> usize {
    match config.algorithm {
        Algorithm::Bcrypt => config.max_length.min(BCRYPT_OCTETS),
        Algorithm::Scrypt | Algorithm::Argon2id => config.max_length,
    }
}

fn cut<'p>(config: &PasswordConfig, password: &'p [u8]) -> &'p [u8] {
    &password[..password.len().min(most(config))]
}

pub(super) fn hash(config: &PasswordConfig, password: &[u8]) -> Result<String> {
    let password = cut(config, password);
    match config.algorithm {
        Algorithm::Bcrypt => bcrypt::hash(password, config.rounds.unwrap_or(12)).doing("hashing with bcrypt"),
        Algorithm::Scrypt => {
            let (salt, ln) = (fresh_salt(), config.rounds.unwrap_or(16));
            let out = scrypt(password, &salt, ln, 8, 1).ok_or_else(|| Error::internal("hashing with scrypt"))?;
            Ok(format!("$scrypt$ln={ln},r=8,p=1${}${}", B64.encode(salt), B64.encode(out)))
        }
        Algorithm::Argon2id => {
            let (salt, m, t) = (fresh_salt(), argon2::Params::DEFAULT_M_COST, config.rounds.unwrap_or(2));
            let out = argon2id(password, &salt, m, t, 1).ok_or_else(|| Error::internal("hashing with argon2id"))?;
            Ok(format!("$argon2id$v=19$m={m},t={t},p=1${}${}", B64.encode(salt), B64.encode(out)))
        }
    }
}

/// False for whatever is not a hash of `password`, malformed hashes included.
pub(super) fn verify(config: &PasswordConfig, password: &[u8], stored: &str) -> bool {
    let fields: Vec<_> = stored.split('$').collect();
    match fields.as_slice() {
        ["", "2b" | "2a" | "2y", ..] => {
            bcrypt::verify(&password[..password.len().min(BCRYPT_OCTETS)], stored).unwrap_or(false)
        }
        ["", "scrypt", cost, salt, expect] => {
            let [ln, r, p] = costs(cost, ["ln", "r", "p"]);
            same(decoded(salt).and_then(|salt| scrypt(cut(config, password), &salt, ln, r, p)), expect)
        }
        ["", "argon2id", "v=19", cost, salt, expect] => {
            let [m, t, p] = costs(cost, ["m", "t", "p"]);
            same(decoded(salt).and_then(|salt| argon2id(cut(config, password), &salt, m, t, p)), expect)
        }
        _ => false,
    }
}

fn fresh_salt() -> [u8; SALT] {
    let mut salt = [0; SALT];
    rand::rng().fill_bytes(&mut salt);
    salt
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    B64.decode(text.trim_end_matches('=')).ok()
}

/// `m=1,t=2` by name; zero for what is missing, which no algorithm takes.
fn costs<const N: usize>(text: &str, names: [&str; N]) -> [u32; N] {
    let pairs: Vec<_> = text.split(',').filter_map(|pair| pair.split_once('=')).collect();
    names.map(|name| pairs.iter().find(|(n, _)| *n == name).and_then(|(_, v)| v.parse().ok()).unwrap_or(0))
}

fn scrypt(password: &[u8], salt: &[u8], ln: u32, r: u32, p: u32) -> Option<[u8; OUTPUT]> {
    // 128·r·2^ln octets of memory; the stored hash is ours, the bound is against a damaged one.
    if ln > 20 || r > 64 || p > 64 {
        return None;
    }
    let params = scrypt::Params::new(u8::try_from(ln).ok()?, r, p).ok()?;
    let mut out = [0; OUTPUT];
    scrypt::scrypt(password, salt, &params, &mut out).ok()?;
    Some(out)
}

fn argon2id(password: &[u8], salt: &[u8], m: u32, t: u32, p: u32) -> Option<[u8; OUTPUT]> {
    if m > 1 << 20 || t > 64 {
        return None;
    }
    let params = argon2::Params::new(m, t, p, Some(OUTPUT)).ok()?;
    let hasher = Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let mut out = [0; OUTPUT];
    hasher.hash_password_into(password, salt, &mut out).ok()?;
    Some(out)
}

/// Compares without telling by time where they differ.
fn same(computed: Option<[u8; OUTPUT]>, expect: &str) -> bool {
    let (Some(computed), Some(expect)) = (computed, decoded(expect)) else { return false };
    expect.len() == OUTPUT && computed.iter().zip(&expect).fold(0, |diff, (a, b)| diff | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(algorithm: Algorithm, rounds: u32) -> PasswordConfig {
        PasswordConfig { algorithm, rounds: Some(rounds), ..PasswordConfig::default() }
    }

    #[test]
    fn each_algorithm_verifies_its_own_and_the_others_hashes() {
        let all = [config(Algorithm::Bcrypt, 4), config(Algorithm::Scrypt, 4), config(Algorithm::Argon2id, 1)];
        for made in &all {
            let stored = hash(made, "pä$$".as_bytes()).unwrap();
            for reader in &all {
                assert!(verify(reader, "pä$$".as_bytes(), &stored), "{stored}");
                assert!(!verify(reader, b"pa$$", &stored), "{stored}");
            }
            assert_ne!(stored, hash(made, "pä$$".as_bytes()).unwrap(), "salted");
        }
    }

    #[test]
    fn published_hashes_verify() {
        let any = PasswordConfig::default();
        // The bcrypt test vector "U*U" of crypt_blowfish; RFC 7914's scrypt parameters N=16, r=1, p=1 over "" and "".
        assert!(verify(&any, b"U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"));
        let out = scrypt(b"", b"", 4, 1, 1).unwrap();
        assert_eq!(out[..8], [0x77, 0xd6, 0x57, 0x62, 0x38, 0x65, 0x7b, 0x20]);
    }

    #[test]
    fn long_passwords_are_cut_or_refused() {
        let loose = config(Algorithm::Bcrypt, 4);
        let stored = hash(&loose, &[b'a'; 100]).unwrap();
        assert!(verify(&loose, &[b'a'; 72], &stored) && !verify(&loose, &[b'a'; 71], &stored));
        let strict = PasswordConfig { strict: true, ..loose };
        assert!(check_new(&strict, &"a".repeat(72)).is_ok());
        assert_eq!(check_new(&strict, &"a".repeat(73)).unwrap_err().status(), 403);
    }

    #[test]
    fn damaged_hashes_open_nothing() {
        let any = PasswordConfig::default();
        for stored in
            ["", "$", "$2b$", "$scrypt$ln=99,r=8,p=1$AA$AA", "$scrypt$$$", "$argon2id$v=19$m=1$AA$AA", "plain"]
        {
            assert!(!verify(&any, b"", stored), "{stored}");
        }
    }

    #[test]
    fn strength() {
        let config = PasswordConfig {
            regex: Some("(?=.)[a-z]{2,}".replace("(?=.)", "")),
            regex_description: "two small letters".into(),
            ..PasswordConfig::default()
        };
        assert!(check_new(&config, "abC").is_ok());
        let refused = check_new(&config, "Cab").unwrap_err();
        assert_eq!(refused.message(), "The password does not match the requirements: two small letters.");
    }
}

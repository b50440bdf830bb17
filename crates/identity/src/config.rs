//! Identity's settings. The defaults are Keystone 30's.

use crate::model::user::Lockout;
use serde::{Deserialize, Serialize};
use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IdentityConfig {
    /// The domain of users, groups and projects that are created without naming one.
    pub default_domain: String,
    /// Entries of a list when the client asks for none; unlimited if absent.
    pub list_limit: Option<usize>,
    /// Levels of projects below a domain.
    pub max_project_depth: usize,
    /// Roles that no other may imply.
    pub prohibited_implied_roles: Vec<String>,
    /// Application credentials of one user; negative: unlimited.
    pub application_credential_limit: i64,
    /// Credentials of one user; negative: unlimited.
    pub credential_limit: i64,
    /// How limits of domains and projects go together.
    pub limit_model: LimitModel,
    /// Trusts that may follow one another.
    pub max_redelegation_count: u32,
    pub tokens: TokenConfig,
    pub passwords: PasswordConfig,
    pub lockout: LockoutConfig,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenConfig {
    /// What new tokens are; both sorts are taken.
    pub format: TokenFormat,
    /// Seconds that a token is valid.
    pub expiration: u64,
    /// Seconds after that in which `allow_expired` still finds it.
    pub allow_expired_window: u64,
    /// Whether a scoped token gets tokens of another scope.
    pub allow_rescope: bool,
    /// Seconds until a signing key is succeeded by the next.
    pub rotate_keys_after: u64,
}

/// Keystone's enforcement models of unified limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitModel {
    /// Every limit stands alone.
    Flat,
    /// A project's limit is at most its domain's; projects have no projects below.
    StrictTwoLevel,
}

impl LimitModel {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Flat => "flat",
            Self::StrictTwoLevel => "strict_two_level",
        }
    }

    pub fn description(self) -> &'static str {
        match self {
            Self::Flat => "Limit enforcement and validation does not take project hierarchy into consideration.",
            Self::StrictTwoLevel => "This model requires project hierarchy never exceeds a depth of two",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenFormat {
    /// Sealed: short, and only members can look inside.
    Fernet,
    /// Signed (ES256): anybody can look inside, and whoever has the public key can check it.
    Jws,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    Bcrypt,
    Scrypt,
    Argon2id,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PasswordConfig {
    pub algorithm: Algorithm,
    /// bcrypt: log2 of the rounds (12). scrypt: log2 of the memory blocks (16). argon2id: passes (2).
    pub rounds: Option<u32>,
    /// Octets that count; longer passwords are cut, or refused if `strict`. bcrypt has 72 at most.
    pub max_length: usize,
    pub strict: bool,
    /// What a new password must match, and how to say it to people.
    pub regex: Option<String>,
    pub regex_description: String,
    /// A user's new password must differ from this many earlier ones; 0 and 1: any will do.
    pub unique_last: usize,
    /// Days before a user may change a password that the user set.
    pub minimum_age_days: u32,
    /// Days that a password lasts.
    pub expires_days: Option<u32>,
    /// A password set by somebody else must be changed before it is good for anything.
    pub change_upon_first_use: bool,
    /// Days without a login after which an account counts as disabled; 0: never.
    pub disable_after_inactive_days: u32,
    /// Seconds for which a verified password is not hashed again; 0 switches that off.
    pub verified_cache_seconds: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LockoutConfig {
    /// Wrong passwords after which an account is locked; 0: never.
    pub failure_attempts: u32,
    /// Seconds that it stays locked; 0: until an administrator enables the user.
    pub duration: u64,
}

impl Default for IdentityConfig {
    fn default() -> Self {
        Self {
            default_domain: "default".into(),
            list_limit: None,
            max_project_depth: 5,
            prohibited_implied_roles: vec!["admin".into()],
            application_credential_limit: -1,
            credential_limit: -1,
            limit_model: LimitModel::Flat,
            max_redelegation_count: 3,
            tokens: TokenConfig::default(),
            passwords: PasswordConfig::default(),
            lockout: LockoutConfig::default(),
        }
    }
}

impl Default for TokenConfig {
    fn default() -> Self {
        Self {
            format: TokenFormat::Fernet,
            expiration: 3600,
            allow_expired_window: 48 * 3600,
            allow_rescope: true,
            rotate_keys_after: 24 * 3600,
        }
    }
}

impl Default for PasswordConfig {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::Bcrypt,
            rounds: None,
            max_length: 4096,
            strict: false,
            regex: None,
            regex_description: String::new(),
            unique_last: 0,
            minimum_age_days: 0,
            expires_days: None,
            change_upon_first_use: false,
            disable_after_inactive_days: 0,
            verified_cache_seconds: 60,
        }
    }
}

impl Default for LockoutConfig {
    fn default() -> Self {
        Self { failure_attempts: 0, duration: 1800 }
    }
}

impl IdentityConfig {
    /// What the acceptance suites want: lock-out after two tries for five seconds, two passwords remembered.
    #[must_use]
    pub fn acceptance(mut self) -> Self {
        self.lockout = LockoutConfig { failure_attempts: 2, duration: 5 };
        self.passwords.unique_last = 2;
        self.passwords.minimum_age_days = 0;
        self
    }

    pub fn lockout(&self) -> Lockout {
        Lockout { attempts: self.lockout.failure_attempts, duration: Duration::from_secs(self.lockout.duration) }
    }

    /// Levels of projects below a domain that the limit model leaves.
    pub fn project_depth(&self) -> usize {
        match self.limit_model {
            LimitModel::Flat => self.max_project_depth,
            LimitModel::StrictTwoLevel => self.max_project_depth.min(1),
        }
    }

    pub fn token_lifetime(&self) -> Duration {
        Duration::from_secs(self.tokens.expiration)
    }

    /// How long after its issue somebody may still ask about a token.
    pub fn token_memory(&self) -> Duration {
        Duration::from_secs(self.tokens.expiration + self.tokens.allow_expired_window)
    }
}

//! Production requires strong secrets.

use std::collections::HashSet;

use anyhow::bail;
use hoidap_shared::config::{Config, Environment};
use secrecy::{ExposeSecret as _, SecretString};

/// The length that every secret should have.
pub const SECRET_CHARS: usize = 32;
/// Minimum length of a secret in production, and minimum number of different characters.
const MIN_SECRET_CHARS: usize = 24;
const MIN_DISTINCT_CHARS: usize = 8;

/// Fails in production when a secret is missing or easy to guess.
///
/// # Errors
/// One sentence that names every such secret.
pub fn require_strong_secrets(config: &Config) -> anyhow::Result<()> {
    if config.environment != Environment::Production {
        return Ok(());
    }
    let named = |key: &str| format!("{key} (HOIDAP_{})", key.to_uppercase().replace('.', "__"));
    let mut wrong = Vec::new();
    for (key, secret) in [
        ("gateway.admin_token", &config.gateway.admin_token),
        ("gateway.hash_key", &config.gateway.hash_key),
        ("sessions.secret", &config.sessions.secret),
    ] {
        match weakness(secret) {
            Some(Weakness::Missing) => wrong.push(format!("{} is missing", named(key))),
            Some(Weakness::Guessable(what)) => wrong.push(format!("{} {what}", named(key))),
            None => {}
        }
    }
    // Without keys /v1 is closed; a key that is set must be as strong as the other secrets.
    for (number, key) in config.gateway.api_keys.iter().enumerate() {
        if let Some(Weakness::Guessable(what)) = weakness(key) {
            wrong.push(format!("entry {} of {} {what}", number + 1, named("gateway.api_keys")));
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    bail!(
        "environment = \"production\" needs secrets of {SECRET_CHARS} random characters or more, such as `openssl rand -hex 32` \
         prints, and refuses fewer than {MIN_SECRET_CHARS}: {}",
        wrong.join(", ")
    )
}

enum Weakness {
    Missing,
    Guessable(String),
}

fn weakness(secret: &SecretString) -> Option<Weakness> {
    let text = secret.expose_secret().trim();
    let (characters, different) = (text.chars().count(), text.chars().collect::<HashSet<_>>().len());
    match characters {
        0 => Some(Weakness::Missing),
        short if short < MIN_SECRET_CHARS => {
            Some(Weakness::Guessable(format!("has only {short} characters")))
        }
        _ if different < MIN_DISTINCT_CHARS => {
            Some(Weakness::Guessable(format!("has only {different} different characters")))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const GOOD: &str = "0123456789abcdef01234567";

    fn said(environment: &str, settings: &[(&str, &str)]) -> String {
        let all = [("ENVIRONMENT", environment)].iter().chain(settings).copied().collect::<Vec<_>>();
        let variables: HashMap<_, _> =
            all.into_iter().map(|(key, value)| (format!("HOIDAP_{key}"), value.to_string())).collect();
        let config = Config::read(None, Some(variables), &[]).unwrap();
        require_strong_secrets(&config).err().map(|error| format!("{error:#}")).unwrap_or_default()
    }

    fn all_but(key: &'static str, value: &'static str) -> Vec<(&'static str, &'static str)> {
        ["GATEWAY__ADMIN_TOKEN", "GATEWAY__HASH_KEY", "SESSIONS__SECRET"]
            .map(|name| (name, if name == key { value } else { GOOD }))
            .to_vec()
    }

    #[test]
    fn one_sentence_names_every_secret_that_is_missing() {
        let sentence = said("production", &[]);
        for key in ["gateway.admin_token", "gateway.hash_key", "sessions.secret"] {
            assert_eq!(sentence.matches(&format!("{key} (HOIDAP_")).count(), 1, "{sentence}");
        }
        assert_eq!(sentence.lines().count(), 1);
        assert_eq!(said("development", &[]), "");
        assert_eq!(said("production", &all_but("", "")), "");
    }

    #[test]
    fn a_secret_that_can_be_guessed_is_named_alone() {
        for (value, why) in [
            ("   ", "is missing"),
            ("0123456789abcdef0123456", "has only 23 characters"),
            (" 0123456789abcdef0123456 ", "has only 23 characters"),
            ("mậtkhẩumậtkhẩu", "has only 14 characters"),
            ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "has only 1 different characters"),
        ] {
            for key in ["GATEWAY__ADMIN_TOKEN", "GATEWAY__HASH_KEY", "SESSIONS__SECRET"] {
                let sentence = said("production", &all_but(key, value));
                assert!(sentence.ends_with(&format!("(HOIDAP_{key}) {why}")), "{sentence}");
                assert!(!sentence.contains(value.trim()) || value.trim().is_empty(), "{sentence}");
            }
        }
        let keys = [all_but("", ""), vec![("GATEWAY__API_KEYS", "0123456789abcdef01234567,short")]].concat();
        let sentence = said("production", &keys);
        assert!(
            sentence
                .ends_with("entry 2 of gateway.api_keys (HOIDAP_GATEWAY__API_KEYS) has only 5 characters")
        );
    }
}

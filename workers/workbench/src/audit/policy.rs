use std::{fmt, num::NonZeroUsize, str::FromStr, time::Duration};

/// Default capacity of a simulated cache, in answers.
const DEFAULT_ENTRIES: usize = 10_000;
/// Maximum capacity; with their vectors, answers take about 3 KB each.
const MAX_ENTRIES: usize = 200_000;
/// Maximum time to live, in seconds: a year.
const MAX_TTL_SECS: u64 = 366 * 24 * 3_600;
/// In single precision, a text's cosine with itself is below one by less than this.
const ROUNDING_TOLERANCE: f32 = 1e-6;

/// What must be equal besides the question for a hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CacheScope {
    /// The page: its address, title, product, section and preview, as in the gateway's key.
    Page,
    /// The site, and the product that the classifier found.
    Product,
    /// The origin of the page's address.
    Site,
    /// The visitor's session.
    Session,
}

/// How questions with earlier turns are handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HistoryRule {
    /// Earlier turns are ignored; the standalone question is compared.
    Ignore,
    /// Such questions are neither looked up nor stored.
    RequireEmpty,
    /// The turns must be equal.
    Same,
}

/// How a question is matched with cached ones.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Matching {
    /// By the gateway's own key.
    Exact,
    /// By the cosine of the embeddings, which must reach the threshold.
    Semantic { threshold: f32, scope: CacheScope, history: HistoryRule },
}

/// The policy of a simulated cache.
#[derive(Clone, Debug, PartialEq)]
pub struct CachePolicy {
    pub(super) matching: Matching,
    /// Time to live of an answer; `cache.ttl_secs` if not given.
    pub(super) ttl: Option<Duration>,
    pub(super) entries: NonZeroUsize,
}

impl Matching {
    /// Whether two questions with this cosine match.
    pub(super) fn accepts(self, similarity: f32) -> bool {
        match self {
            Self::Exact => true,
            Self::Semantic { threshold, .. } => similarity >= threshold - ROUNDING_TOLERANCE,
        }
    }
}

impl CachePolicy {
    pub(super) fn is_semantic(&self) -> bool {
        self.matching != Matching::Exact
    }

    /// The policies compared by default: the gateway's cache, and semantic ones with rising thresholds.
    pub(super) fn default_policies() -> Vec<Self> {
        let semantic = |threshold| Matching::Semantic {
            threshold,
            scope: CacheScope::Product,
            history: HistoryRule::Same,
        };
        let thresholds = [0.90, 0.92, 0.94, 0.96, 0.98, 0.99, 1.0].map(semantic);
        let entries = NonZeroUsize::new(DEFAULT_ENTRIES).unwrap_or(NonZeroUsize::MIN);
        [Matching::Exact]
            .into_iter()
            .chain(thresholds)
            .map(|matching| Self { matching, ttl: None, entries })
            .collect()
    }
}

impl FromStr for CachePolicy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split(',').map(str::trim);
        let kind = parts.next().unwrap_or_default();
        let mut matching = match kind.split_once(':') {
            None if kind == "exact" => Matching::Exact,
            Some(("semantic", threshold)) => Matching::Semantic {
                threshold: threshold
                    .parse()
                    .ok()
                    .filter(|threshold| (0.0..=1.0).contains(threshold))
                    .ok_or_else(|| format!("`{threshold}` is not a threshold: give a cosine from 0 to 1"))?,
                scope: CacheScope::Product,
                history: HistoryRule::Same,
            },
            _ => return Err(format!("`{kind}` is not a policy: write `exact`, or `semantic:0.95`")),
        };
        let (mut ttl, mut entries) = (None, DEFAULT_ENTRIES);
        for part in parts {
            let (name, value) = part
                .split_once('=')
                .ok_or_else(|| format!("`{part}` is not an option: write it as NAME=VALUE"))?;
            match name {
                "ttl" => ttl = Some(Duration::from_secs(number(name, value, MAX_TTL_SECS)?)),
                "entries" => entries = number(name, value, MAX_ENTRIES as u64)? as usize,
                "scope" | "history" => match &mut matching {
                    Matching::Exact => {
                        return Err(format!(
                            "`exact` takes no {name}: it is the gateway's own key, which covers page and history"
                        ));
                    }
                    Matching::Semantic { scope, .. } if name == "scope" => *scope = value.parse()?,
                    Matching::Semantic { history, .. } => *history = value.parse()?,
                },
                _ => {
                    return Err(format!(
                        "`{name}` is not an option: choose from ttl, scope, history, entries"
                    ));
                }
            }
        }
        let entries = NonZeroUsize::new(entries).unwrap_or(NonZeroUsize::MIN);
        Ok(Self { matching, ttl, entries })
    }
}

fn number(name: &str, value: &str, most: u64) -> Result<u64, String> {
    let number = value.parse().ok().filter(|number| (1..=most).contains(number));
    number.ok_or_else(|| format!("`{name}={value}`: give a whole number from 1 to {most}"))
}

impl FromStr for CacheScope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "page" => Ok(Self::Page),
            "product" => Ok(Self::Product),
            "site" => Ok(Self::Site),
            "session" => Ok(Self::Session),
            _ => Err(format!("`{text}` is not a scope: choose from page, product, site, session")),
        }
    }
}

impl FromStr for HistoryRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "ignore" => Ok(Self::Ignore),
            "require-empty" => Ok(Self::RequireEmpty),
            "same" => Ok(Self::Same),
            _ => Err(format!("`{text}` is not a history rule: choose from ignore, require-empty, same")),
        }
    }
}

/// In the syntax of `--policy`, without defaults.
impl fmt::Display for CachePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.matching {
            Matching::Exact => f.write_str("exact")?,
            Matching::Semantic { threshold, scope, history } => {
                write!(f, "semantic:{threshold}")?;
                match scope {
                    CacheScope::Page => f.write_str(",scope=page")?,
                    CacheScope::Product => {}
                    CacheScope::Site => f.write_str(",scope=site")?,
                    CacheScope::Session => f.write_str(",scope=session")?,
                }
                match history {
                    HistoryRule::Ignore => f.write_str(",history=ignore")?,
                    HistoryRule::RequireEmpty => f.write_str(",history=require-empty")?,
                    HistoryRule::Same => {}
                }
            }
        }
        if let Some(ttl) = self.ttl {
            write!(f, ",ttl={}", ttl.as_secs())?;
        }
        if self.entries.get() != DEFAULT_ENTRIES {
            write!(f, ",entries={}", self.entries)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_written_as_it_is_read() {
        for text in [
            "exact",
            "exact,ttl=60,entries=5",
            "semantic:0.95",
            "semantic:0.9,scope=page,history=ignore",
            "semantic:1,scope=session,history=require-empty,ttl=1,entries=200000",
        ] {
            assert_eq!(text.parse::<CachePolicy>().unwrap().to_string(), text);
        }
        let plain = "semantic:0.95".parse::<CachePolicy>().unwrap();
        assert_eq!(
            "semantic:0.950, scope=product,history=same,entries=10000".parse::<CachePolicy>().unwrap(),
            plain
        );
        for policy in CachePolicy::default_policies() {
            assert_eq!(policy.to_string().parse::<CachePolicy>().unwrap(), policy);
        }
    }

    #[test]
    fn invalid_policies_are_refused() {
        for (text, what) in [
            ("", "not a policy"),
            ("semantic", "not a policy"),
            ("exact:1", "not a policy"),
            ("semantic:95", "not a threshold"),
            ("semantic:NaN", "not a threshold"),
            ("semantic:0.9,scope=world", "choose from page"),
            ("semantic:0.9,history=some", "choose from ignore"),
            ("semantic:0.9,size=3", "choose from ttl"),
            ("semantic:0.9,ttl", "NAME=VALUE"),
            ("semantic:0.9,ttl=0", "whole number from 1"),
            ("exact,entries=1000000000000", "to 200000"),
            ("exact,scope=page", "the gateway's own key"),
        ] {
            let error = text.parse::<CachePolicy>().unwrap_err();
            assert!(error.contains(what), "{text}: {error}");
        }
    }

    #[test]
    fn rounding_does_not_prevent_an_exact_match() {
        let matching = "semantic:1".parse::<CachePolicy>().unwrap().matching;
        assert!(matching.accepts(0.999_999_9) && !matching.accepts(0.9999));
    }
}

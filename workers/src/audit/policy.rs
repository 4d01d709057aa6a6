use std::{fmt, num::NonZeroUsize, str::FromStr, time::Duration};

/// Answers a simulated cache keeps at once, unless the policy says otherwise.
const ENTRIES: usize = 10_000;
/// Most it may keep: with their vectors, some 3 KB each.
const MOST_ENTRIES: usize = 200_000;
/// Longest an answer may be kept, in seconds: a year.
const MOST_TTL: u64 = 366 * 24 * 3_600;
/// A text's cosine with itself, in single precision, falls short of one by less than this.
const ROUNDING: f32 = 1e-6;

/// What besides the question must be equal for an answer to be given again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// The page: its address, title, product, section and preview, as in the gateway's key.
    Page,
    /// The site and the product that the question is about, as the classifier found it.
    Product,
    /// The origin of the page's address.
    Site,
    /// The visitor's session.
    Session,
}

/// What becomes of questions with earlier turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum History {
    /// They are questions like others: what they mean by themselves is what is compared.
    Ignore,
    /// They are neither looked up nor kept.
    RequireEmpty,
    /// The turns must be equal.
    Same,
}

/// How a question is compared with those that answers are kept for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Matching {
    /// By the gateway's own key.
    Exact,
    /// By the cosine of their embeddings, at least the threshold.
    Semantic { threshold: f32, scope: Scope, history: History },
}

/// A cache that could be.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    pub(super) matching: Matching,
    /// How long an answer is kept; as long as `cache.ttl_secs` when it is not said.
    pub(super) ttl: Option<Duration>,
    pub(super) entries: NonZeroUsize,
}

impl Matching {
    /// Whether two questions of this cosine count as the same.
    pub(super) fn takes(self, similarity: f32) -> bool {
        match self {
            Self::Exact => true,
            Self::Semantic { threshold, .. } => similarity >= threshold - ROUNDING,
        }
    }
}

impl Policy {
    pub(super) fn is_semantic(&self) -> bool {
        self.matching != Matching::Exact
    }

    /// What is compared when nobody says what: the gateway's cache, and semantic ones that ask for ever more.
    pub(super) fn sweep() -> Vec<Self> {
        let semantic =
            |threshold| Matching::Semantic { threshold, scope: Scope::Product, history: History::Same };
        let thresholds = [0.90, 0.92, 0.94, 0.96, 0.98, 0.99, 1.0].map(semantic);
        let entries = NonZeroUsize::new(ENTRIES).unwrap_or(NonZeroUsize::MIN);
        [Matching::Exact]
            .into_iter()
            .chain(thresholds)
            .map(|matching| Self { matching, ttl: None, entries })
            .collect()
    }
}

impl FromStr for Policy {
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
                    .ok_or_else(|| format!("`{threshold}` is no threshold: give a cosine from 0 to 1"))?,
                scope: Scope::Product,
                history: History::Same,
            },
            _ => return Err(format!("`{kind}` is no policy: write `exact`, or `semantic:0.95`")),
        };
        let (mut ttl, mut entries) = (None, ENTRIES);
        for part in parts {
            let (name, value) = part
                .split_once('=')
                .ok_or_else(|| format!("`{part}` is no option: write it as NAME=VALUE"))?;
            match name {
                "ttl" => ttl = Some(Duration::from_secs(number(name, value, MOST_TTL)?)),
                "entries" => entries = number(name, value, MOST_ENTRIES as u64)? as usize,
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
                    return Err(format!("`{name}` is no option: choose from ttl, scope, history, entries"));
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

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "page" => Ok(Self::Page),
            "product" => Ok(Self::Product),
            "site" => Ok(Self::Site),
            "session" => Ok(Self::Session),
            _ => Err(format!("`{text}` is no scope: choose from page, product, site, session")),
        }
    }
}

impl FromStr for History {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "ignore" => Ok(Self::Ignore),
            "require-empty" => Ok(Self::RequireEmpty),
            "same" => Ok(Self::Same),
            _ => Err(format!("`{text}` says nothing of history: choose from ignore, require-empty, same")),
        }
    }
}

/// As it can be given again, without what is so anyhow.
impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.matching {
            Matching::Exact => f.write_str("exact")?,
            Matching::Semantic { threshold, scope, history } => {
                write!(f, "semantic:{threshold}")?;
                match scope {
                    Scope::Page => f.write_str(",scope=page")?,
                    Scope::Product => {}
                    Scope::Site => f.write_str(",scope=site")?,
                    Scope::Session => f.write_str(",scope=session")?,
                }
                match history {
                    History::Ignore => f.write_str(",history=ignore")?,
                    History::RequireEmpty => f.write_str(",history=require-empty")?,
                    History::Same => {}
                }
            }
        }
        if let Some(ttl) = self.ttl {
            write!(f, ",ttl={}", ttl.as_secs())?;
        }
        if self.entries.get() != ENTRIES {
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
            assert_eq!(text.parse::<Policy>().unwrap().to_string(), text);
        }
        let plain = "semantic:0.95".parse::<Policy>().unwrap();
        assert_eq!(
            "semantic:0.950, scope=product,history=same,entries=10000".parse::<Policy>().unwrap(),
            plain
        );
        for policy in Policy::sweep() {
            assert_eq!(policy.to_string().parse::<Policy>().unwrap(), policy);
        }
    }

    #[test]
    fn what_is_no_policy_is_said() {
        for (text, what) in [
            ("", "no policy"),
            ("semantic", "no policy"),
            ("exact:1", "no policy"),
            ("semantic:95", "no threshold"),
            ("semantic:NaN", "no threshold"),
            ("semantic:0.9,scope=world", "choose from page"),
            ("semantic:0.9,history=some", "choose from ignore"),
            ("semantic:0.9,size=3", "choose from ttl"),
            ("semantic:0.9,ttl", "NAME=VALUE"),
            ("semantic:0.9,ttl=0", "whole number from 1"),
            ("exact,entries=1000000000000", "to 200000"),
            ("exact,scope=page", "the gateway's own key"),
        ] {
            let error = text.parse::<Policy>().unwrap_err();
            assert!(error.contains(what), "{text}: {error}");
        }
    }

    #[test]
    fn a_text_is_like_itself_whatever_rounding_says() {
        let matching = "semantic:1".parse::<Policy>().unwrap().matching;
        assert!(matching.takes(0.999_999_9) && !matching.takes(0.9999));
    }
}

use std::collections::BTreeSet;

use hoidap_indices::Analyser;

use super::figures::{Figure, figures};

/// Words that turn a statement round: the same words with and without one say opposite things.
const NEGATIONS: [&str; 15] = [
    "không", "chưa", "chẳng", "đừng", "no", "not", "never", "cannot", "can't", "don't", "doesn't", "won't",
    "isn't", "aren't", "without",
];

/// What the words of a text say, as far as words can tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Content {
    /// Folded content words, and pairs of neighbouring Vietnamese syllables.
    pub(crate) terms: BTreeSet<String>,
    /// Numbers and codes.
    pub(crate) figures: BTreeSet<Figure>,
    /// Whether it holds a negation.
    pub(crate) negated: bool,
}

impl Content {
    /// Reads a text.
    pub(crate) fn of(text: &str, analyser: &Analyser) -> Self {
        let analysed = analyser.question(text);
        let lower = text.to_lowercase().replace('’', "'");
        let negated =
            lower.split(|c: char| !c.is_alphanumeric() && c != '\'').any(|word| NEGATIONS.contains(&word));
        Self {
            terms: analysed.folded.into_iter().chain(analysed.pairs).collect(),
            figures: figures(text),
            negated,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_negation_is_seen_in_both_languages() {
        let negated = |text: &str| Content::of(text, &Analyser::default()).negated;
        assert!(
            negated("Gói Free không có bản ghi") && negated("You can’t record") && negated("It is not free")
        );
        assert!(!negated("Gói Free dùng được bản ghi") && !negated("Notes are free"));
    }
}

use std::collections::BTreeSet;

use hoidap_indices::Analyser;

use crate::generator::text::{
    negation::{denied, plain},
    quantities::{self, Figure},
};

/// What the words of a text say, as far as words can tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Content {
    /// Folded content words, and pairs of neighbouring Vietnamese syllables.
    pub(crate) terms: BTreeSet<String>,
    /// Numbers and codes.
    pub(crate) figures: BTreeSet<Figure>,
    /// Figures that it can be the ground of besides, such as numbers as words.
    pub(crate) besides: BTreeSet<Figure>,
    /// Whether it holds a negation.
    pub(crate) negated: bool,
}

impl Content {
    /// Reads a text.
    pub(crate) fn of(text: &str, analyser: &Analyser) -> Self {
        let analysed = analyser.question(text);
        let read = quantities::read(text);
        Self {
            terms: analysed.folded.into_iter().chain(analysed.pairs).collect(),
            figures: read.claimed.into_iter().collect(),
            besides: read.besides.into_iter().collect(),
            negated: denied(&plain(text)),
        }
    }

    /// Takes in what another text says.
    pub(crate) fn add(&mut self, other: &Self) {
        self.terms.extend(other.terms.iter().cloned());
        self.figures.extend(other.figures.iter().cloned());
        self.besides.extend(other.besides.iter().cloned());
    }

    /// Whether it can be the ground of a figure.
    pub(crate) fn grounds(&self, figure: &Figure) -> bool {
        self.figures.iter().chain(&self.besides).any(|known| known.equals(figure))
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

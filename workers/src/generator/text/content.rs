use std::collections::BTreeSet;

use hoidap_indices::Analyser;

use crate::generator::text::{
    negation::{canonical_form, is_negated},
    quantities::{self, Quantity},
};

/// What the words of a text say, as far as words can tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct TextContent {
    /// Folded content words, and pairs of neighbouring Vietnamese syllables.
    pub(crate) terms: BTreeSet<String>,
    /// Numbers and codes.
    pub(crate) quantities: BTreeSet<Quantity>,
    /// Figures that it can be the ground of besides, such as numbers as words.
    pub(crate) implied: BTreeSet<Quantity>,
    /// Whether it holds a negation.
    pub(crate) negated: bool,
}

impl TextContent {
    /// Reads a text.
    pub(crate) fn parse(text: &str, analyser: &Analyser) -> Self {
        let analysed = analyser.question(text);
        let read = quantities::extract(text);
        Self {
            terms: analysed.folded.into_iter().chain(analysed.pairs).collect(),
            quantities: read.stated.into_iter().collect(),
            implied: read.implied.into_iter().collect(),
            negated: is_negated(&canonical_form(text)),
        }
    }

    /// Takes in what another text says.
    pub(crate) fn add(&mut self, other: &Self) {
        self.terms.extend(other.terms.iter().cloned());
        self.quantities.extend(other.quantities.iter().cloned());
        self.implied.extend(other.implied.iter().cloned());
    }

    /// Whether it can be the ground of a quantity.
    pub(crate) fn has_quantity(&self, quantity: &Quantity) -> bool {
        self.quantities.iter().chain(&self.implied).any(|known| known.equals(quantity))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_negation_is_seen_in_both_languages() {
        let negated = |text: &str| TextContent::parse(text, &Analyser::default()).negated;
        assert!(
            negated("Gói Free không có bản ghi") && negated("You can’t record") && negated("It is not free")
        );
        assert!(!negated("Gói Free dùng được bản ghi") && !negated("Notes are free"));
    }
}

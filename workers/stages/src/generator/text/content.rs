use std::collections::BTreeSet;

use hoidap_indices::Analyser;

use crate::generator::text::{
    negation::{canonical_form, is_negated},
    quantities::{self, Quantity},
};

/// The content of a text: terms, quantities and negation.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct TextContent {
    /// Folded content terms, and pairs of adjacent Vietnamese syllables.
    pub(crate) terms: BTreeSet<String>,
    /// Quantities and codes that it states.
    pub(crate) quantities: BTreeSet<Quantity>,
    /// Quantities that it only implies, such as number words.
    pub(crate) implied: BTreeSet<Quantity>,
    /// Whether it is negated.
    pub(crate) negated: bool,
}

impl TextContent {
    /// Analyses a text.
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

    /// Adds another text's content.
    pub(crate) fn add(&mut self, other: &Self) {
        self.terms.extend(other.terms.iter().cloned());
        self.quantities.extend(other.quantities.iter().cloned());
        self.implied.extend(other.implied.iter().cloned());
    }

    /// Whether it states or implies a quantity.
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

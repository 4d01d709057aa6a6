//! The conditions under which a question gets no answer whatever its passages say. `answer.rs` writes the text.

use hoidap_shared::job::Retrieved;

use crate::classifier::THIRD_PARTY_OUT_OF_SCOPE;

/// Why a question is refused before its passages are read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Refusal<'a> {
    /// It names a code, part number or version that no document contains.
    UnknownIdentifier(&'a str),
    /// Nothing was found, or the search could not tell how well it supports an answer.
    NothingFound,
    /// It is about another company's service. Passages about similar things do not answer it.
    ThirdParty,
}

impl<'a> Refusal<'a> {
    /// The refusal that is clear before the passages are read.
    pub(super) fn before_reading(retrieved: &'a Retrieved) -> Option<Self> {
        let classified = &retrieved.classified;
        if let Some(missing) = classified.identifiers.iter().find(|identifier| !identifier.held) {
            return Some(Self::UnknownIdentifier(&missing.text));
        }
        if classified.out_of_scope >= THIRD_PARTY_OUT_OF_SCOPE {
            return Some(Self::ThirdParty);
        }
        (retrieved.passages.is_empty() || retrieved.support.is_nan()).then_some(Self::NothingFound)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use hoidap_shared::{
        job::{FilterUsed, Identifier},
        text::Language,
    };

    use super::*;
    use crate::generator::{passages::passage_set::tests::passage, question::tests::classified};

    pub(in crate::generator) fn retrieved() -> Retrieved {
        Retrieved {
            classified: classified("When are you open?", Language::En),
            passages: vec![passage("en", "The office is open on Monday.")],
            support: 0.9,
            unmentioned: Vec::new(),
            filter: FilterUsed::None,
            wording_weights: Vec::new(),
            version: "v".into(),
        }
    }

    #[test]
    fn passages_with_support_are_read() {
        assert_eq!(Refusal::before_reading(&retrieved()), None);
        assert_eq!(Refusal::before_reading(&Retrieved { support: 0.0, ..retrieved() }), None);
    }

    #[test]
    fn without_passages_or_a_known_support_nothing_was_found() {
        for found in [
            Retrieved { passages: Vec::new(), ..retrieved() },
            Retrieved { support: f32::NAN, ..retrieved() },
        ] {
            assert_eq!(Refusal::before_reading(&found), Some(Refusal::NothingFound));
        }
    }

    #[test]
    fn a_question_about_another_companys_service_is_refused_whatever_was_found() {
        let mut found = retrieved();
        found.classified.out_of_scope = 0.99;
        assert_eq!(Refusal::before_reading(&found), None);
        found.classified.out_of_scope = THIRD_PARTY_OUT_OF_SCOPE;
        assert_eq!(Refusal::before_reading(&found), Some(Refusal::ThirdParty));
    }

    #[test]
    fn the_first_identifier_that_no_document_contains_is_named() {
        let mut found = Retrieved { passages: Vec::new(), ..retrieved() };
        let identifier = |text: &str, held| Identifier { text: text.into(), held };
        found.classified.identifiers = vec![identifier("DX-M101", true), identifier("DX-M999", false)];
        assert_eq!(Refusal::before_reading(&found), Some(Refusal::UnknownIdentifier("DX-M999")));
    }
}

//! Finds the codes, part numbers and versions of a question, and those of them that the documents do not contain.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::Arc,
};

use hoidap_shared::{config::ProductConfig, job::Turn, text::Language};

use super::{Library, loaded_collection::LoadedCollection};
use crate::{
    lexical::{Analyser, content_terms},
    text::{
        ResolvedMessage,
        identifiers::{
            IdentifierKind, TextIdentifier, find_identifiers, is_code_word, is_generic_version,
            is_version_word,
        },
    },
};

/// From this many codes of one series or shape on, an unknown code of it counts as missing.
const MIN_SIMILAR_CODES: usize = 2;
/// Words that only say that a code is asked about, without diacritics.
const CODE_QUESTION_WORDS: &str = " ma loi code codes error errors part parts number model san pham linh kien gia price cost nghia mean means \
    meaning bao hien hien thi hien len show shows showed display may bi new moi sua fix thong tin info is the what of buy mua con hang ";
/// With more other content words than this, a question may be about something else than its code.
const MAX_OTHER_WORDS: usize = 1;

/// An identifier that a question names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuestionIdentifier {
    /// Its range in the question, in bytes.
    pub range: Range<usize>,
    /// How the documents spell it; `None` if no document contains it.
    pub spelled: Option<String>,
}

impl Library {
    /// The identifiers of a question that the documents either contain or should contain. Others are left out, such as an order
    /// number when the documents contain no such numbers.
    pub fn identifiers(&self, question: &str) -> Vec<QuestionIdentifier> {
        let found = find_identifiers(question);
        if found.is_empty() {
            return Vec::new();
        }
        let snapshot = self.snapshot();
        let collections: Vec<&Arc<LoadedCollection>> = snapshot.collections.values().collect();
        let alone = asks_only_about_identifiers(&self.analyser, question, &found);
        let mut named: Vec<QuestionIdentifier> = Vec::new();
        for identifier in found {
            let range = identifier.range.clone();
            if named.last().is_some_and(|last| last.range.end > range.start) {
                continue;
            }
            if let Some(spelled) = known_spelling(&collections, &identifier, &question[range.clone()]) {
                named.push(QuestionIdentifier { range, spelled: Some(spelled) });
            } else if is_missing(&collections, &identifier, alone) {
                named.push(QuestionIdentifier { range, spelled: None });
            }
        }
        named
    }

    /// Resolves a visitor's message in its conversation (`history` is oldest first), with each identifier spelled as in the
    /// documents; see [`crate::TextModel::resolve`].
    pub fn resolve(
        &self,
        message: &str,
        hint: Option<Language>,
        history: &[Turn],
        products: &[ProductConfig],
    ) -> ResolvedMessage {
        let spelled: Vec<Turn> = history
            .iter()
            .map(|turn| Turn { content: self.with_known_spellings(&turn.content), ..turn.clone() })
            .collect();
        self.text().resolve(&self.with_known_spellings(message), hint, &spelled, products)
    }

    /// The question with each identifier spelled as in the documents.
    pub fn with_known_spellings(&self, question: &str) -> String {
        let mut text = question.to_string();
        for named in self.identifiers(question).into_iter().rev() {
            if let Some(spelled) = named.spelled {
                text.replace_range(named.range, &spelled);
            }
        }
        text
    }
}

/// How the documents spell an identifier: as in the question if any document does, or else as most do.
fn known_spelling(
    collections: &[&Arc<LoadedCollection>],
    identifier: &TextIdentifier,
    typed: &str,
) -> Option<String> {
    let IdentifierKind::Number(word) = &identifier.kind else {
        let mut spellings: BTreeMap<&str, usize> = BTreeMap::new();
        for found in collections.iter().filter_map(|c| c.identifiers.codes.get(&identifier.key)) {
            found.iter().for_each(|(spelled, times)| *spellings.entry(spelled).or_default() += times);
        }
        if spellings.contains_key(typed) {
            return Some(typed.to_string());
        }
        let most = spellings.into_iter().max_by_key(|(_, times)| *times);
        return most.map(|(spelled, _)| spelled.to_string());
    };
    let is_held = |collection: &&Arc<LoadedCollection>| {
        let words = collection.identifiers.numbers.get(&identifier.key);
        words.is_some_and(|words| {
            let any = identifier.is_generic_version() || identifier.is_number_code();
            let same = |held: &String| {
                held.is_empty()
                    || is_generic_version(held)
                    || (is_version_word(held) && is_version_word(word))
            };
            any || words.contains(word) || words.iter().any(same)
        })
    };
    collections.iter().any(is_held).then(|| typed.to_string())
}

/// Whether an unknown identifier counts as missing: the documents contain similar ones, or the question asks about nothing
/// else.
fn is_missing(collections: &[&Arc<LoadedCollection>], identifier: &TextIdentifier, alone: bool) -> bool {
    if let IdentifierKind::Number(word) = &identifier.kind {
        // A number of two parts behind another word may be an amount: "IELTS 6.5".
        let may_be_amount = identifier.key.matches('.').count() < 2 && !is_version_word(word);
        if may_be_amount && !identifier.is_number_code() {
            return false;
        }
        let like = |words: &BTreeSet<String>| {
            words.contains(word)
                || (is_version_word(word) && words.iter().any(|word| is_version_word(word)))
                || (identifier.is_number_code() && words.iter().any(|word| is_code_word(word)))
        };
        let numbers = collections.iter().flat_map(|c| c.identifiers.numbers.iter());
        return numbers
            .filter(|(number, _)| !identifier.is_number_code() || number.len() == identifier.key.len())
            .any(|(_, words)| like(words));
    }
    let in_series = || {
        let (letters, digits) = identifier.series()?;
        let series: Vec<usize> = collections
            .iter()
            .filter_map(|c| c.identifiers.series.get(letters))
            .flat_map(BTreeMap::values)
            .copied()
            .collect();
        let longest = series.iter().max()?;
        Some(series.len() >= MIN_SIMILAR_CODES && digits <= longest + 1)
    };
    match identifier.kind {
        IdentifierKind::Code => {
            let similar: usize =
                collections.iter().filter_map(|c| c.identifiers.shapes.get(&identifier.shape())).sum();
            let shaped =
                identifier.key.len() >= 5 && identifier.is_unambiguous() && similar >= MIN_SIMILAR_CODES;
            in_series() == Some(true) || shaped || (alone && identifier.is_unambiguous())
        }
        _ => in_series() == Some(true) && identifier.series().is_some_and(|(_, digits)| digits >= 2),
    }
}

/// Whether a question asks about nothing but its identifiers.
fn asks_only_about_identifiers(analyser: &Analyser, question: &str, found: &[TextIdentifier]) -> bool {
    let mut rest = question.to_string();
    for identifier in found.iter().rev() {
        // Spaced ones and numbers may overlap.
        let range = identifier.range.clone();
        if rest.is_char_boundary(range.start) && rest.get(range.clone()).is_some() {
            rest.replace_range(range.clone(), &" ".repeat(range.len()));
        }
    }
    let analysed = analyser.content(&rest);
    let other = |term: &&&str| !CODE_QUESTION_WORDS.contains(&format!(" {term} "));
    content_terms(&analysed).iter().filter(other).count() <= MAX_OTHER_WORDS
}

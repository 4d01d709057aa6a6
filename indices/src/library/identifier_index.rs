//! Indexes the codes, part numbers and versions of a version's documents.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::{
    store::VersionRecords,
    text::identifiers::{IdentifierKind, TextIdentifier, find_identifiers, without_zeros},
};

/// The identifiers in one version's documents, without withdrawn ones.
#[derive(Default)]
pub(super) struct IdentifierIndex {
    /// The spellings of each code with their counts.
    pub(super) codes: HashMap<String, BTreeMap<String, usize>>,
    /// The codes of each series with their number of digits, by the letters before the digits.
    pub(super) series: HashMap<String, BTreeMap<String, usize>>,
    /// Number of codes of each shape.
    pub(super) shapes: HashMap<String, usize>,
    /// The words before each number, without diacritics.
    pub(super) numbers: HashMap<String, BTreeSet<String>>,
}

impl IdentifierIndex {
    pub(super) fn of(records: &VersionRecords) -> Self {
        let mut index = Self::default();
        let mut joined = BTreeSet::new();
        for (number, chunk) in records.chunks.iter().enumerate() {
            if records.withdrawn(number) {
                continue;
            }
            index.add(records.text(chunk), &mut joined);
            index.add(&records.documents[chunk.document].title, &mut joined);
            chunk.heading_path.iter().for_each(|heading| index.add(heading, &mut joined));
        }
        for key in joined {
            let code = TextIdentifier { range: 0..0, kind: IdentifierKind::Code, key: key.clone() };
            *index.shapes.entry(code.shape()).or_default() += 1;
            if let Some((letters, digits)) = code.series() {
                index.series.entry(letters.to_string()).or_default().insert(key, digits);
            }
        }
        index
    }

    /// Adds the identifiers of a text. `joined` collects the codes that are written as one word: only these form a series.
    fn add(&mut self, text: &str, joined: &mut BTreeSet<String>) {
        for found in find_identifiers(text) {
            let spelled = &text[found.range.clone()];
            match found.kind {
                // Letters and a number with a space between them are a code only if the letters are capitals.
                IdentifierKind::Spaced if spelled.contains(char::is_lowercase) => {}
                IdentifierKind::Code | IdentifierKind::Spaced => {
                    if found.kind == IdentifierKind::Code {
                        joined.insert(found.key.clone());
                    }
                    *self.codes.entry(found.key).or_default().entry(spelled.to_string()).or_default() += 1;
                }
                IdentifierKind::Number(word) => {
                    self.numbers.entry(found.key).or_default().insert(word);
                }
            }
        }
        let mut before = ' ';
        for number in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric() && c != '.') {
            let digits = number.trim_matches(|c: char| !c.is_ascii_alphanumeric());
            let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
            if plain && digits.len() <= 12 && !(digits.contains('.') && before.is_alphanumeric()) {
                self.numbers.entry(without_zeros(digits).to_string()).or_default().insert(String::new());
            }
            before = number.trim_end().chars().next_back().unwrap_or(before);
        }
    }
}

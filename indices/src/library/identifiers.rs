//! Which codes, part numbers and versions the documents hold, and which ones a question names that they do not.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Range,
    sync::Arc,
};

use hoidap_shared::{config::ProductConfig, job::Turn, text::Language};

use super::{Library, collection::Collection};
use crate::{
    lexical::{Analyser, content_terms},
    store::Records,
    text::{
        Reading,
        identifiers::{Identifier, Kind, find, is_any_version, is_code_word, is_version_word, without_zeros},
    },
};

/// Codes of one series or shape that make another one of it one that is missing.
const SERIES: usize = 2;
/// Words that say no more of a code than that it is asked about, without diacritics.
const ABOUT_CODES: &str = " ma loi code codes error errors part parts number model san pham linh kien gia price cost nghia mean means \
    meaning bao hien hien thi hien len show shows showed display may bi new moi sua fix thong tin info is the what of buy mua con hang ";
/// With more other words than this a question may be about something else than the code it names.
const FEW: usize = 1;

/// An identifier that a question names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Where it stands in the question, in bytes.
    pub range: Range<usize>,
    /// How the documents spell it; `None` where none of them holds it.
    pub spelled: Option<String>,
}

/// The identifiers that the documents in service of one version hold.
#[derive(Default)]
pub(super) struct Held {
    /// The spellings of each code, and how often each is used.
    codes: HashMap<String, BTreeMap<String, usize>>,
    /// The codes of each series, by the letters before their number, with how many digits they have.
    series: HashMap<String, BTreeMap<String, usize>>,
    /// How many codes look alike.
    shapes: HashMap<String, usize>,
    /// The words before each number; without diacritics.
    numbers: HashMap<String, BTreeSet<String>>,
}

impl Held {
    pub(super) fn of(records: &Records) -> Self {
        let mut held = Self::default();
        let mut joined = BTreeSet::new();
        for (place, chunk) in records.chunks.iter().enumerate() {
            if records.withdrawn(place) {
                continue;
            }
            held.add(records.text(chunk), &mut joined);
            held.add(&records.documents[chunk.document].title, &mut joined);
            chunk.heading_path.iter().for_each(|heading| held.add(heading, &mut joined));
        }
        for key in joined {
            let code = Identifier { range: 0..0, kind: Kind::Code, key: key.clone() };
            *held.shapes.entry(code.shape()).or_default() += 1;
            if let Some((letters, digits)) = code.series() {
                held.series.entry(letters.to_string()).or_default().insert(key, digits);
            }
        }
        held
    }

    /// Adds what a text holds. `joined` gathers the codes that are written as one word: only these make a series.
    fn add(&mut self, text: &str, joined: &mut BTreeSet<String>) {
        for found in find(text) {
            let spelled = &text[found.range.clone()];
            match found.kind {
                // Letters and a number side by side are a code where the letters are capitals.
                Kind::Spaced if spelled.contains(char::is_lowercase) => {}
                Kind::Code | Kind::Spaced => {
                    if found.kind == Kind::Code {
                        joined.insert(found.key.clone());
                    }
                    *self.codes.entry(found.key).or_default().entry(spelled.to_string()).or_default() += 1;
                }
                Kind::Number(word) => {
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

impl Library {
    /// The identifiers that a question names and of which the documents tell whether they hold them. Others, such as an
    /// order's number in documents that hold no such numbers, are left out.
    pub fn identifiers(&self, question: &str) -> Vec<Named> {
        let found = find(question);
        if found.is_empty() {
            return Vec::new();
        }
        let shelf = self.shelf();
        let collections: Vec<&Arc<Collection>> = shelf.collections.values().collect();
        let alone = is_all_that_is_asked(&self.analyser, question, &found);
        let mut named: Vec<Named> = Vec::new();
        for identifier in found {
            let range = identifier.range.clone();
            if named.last().is_some_and(|last| last.range.end > range.start) {
                continue;
            }
            if let Some(spelled) = spelling(&collections, &identifier, &question[range.clone()]) {
                named.push(Named { range, spelled: Some(spelled) });
            } else if is_missing(&collections, &identifier, alone) {
                named.push(Named { range, spelled: None });
            }
        }
        named
    }

    /// Reads a visitor's sentence after the turns before it (oldest first), with each identifier as the documents spell
    /// it; see [`crate::TextModel::read`].
    pub fn read(
        &self,
        message: &str,
        hint: Option<Language>,
        history: &[Turn],
        products: &[ProductConfig],
    ) -> Reading {
        let spelled: Vec<Turn> =
            history.iter().map(|turn| Turn { content: self.spell(&turn.content), ..turn.clone() }).collect();
        self.text().read(&self.spell(message), hint, &spelled, products)
    }

    /// The question with each identifier as the documents spell it.
    pub fn spell(&self, question: &str) -> String {
        let mut text = question.to_string();
        for named in self.identifiers(question).into_iter().rev() {
            if let Some(spelled) = named.spelled {
                text.replace_range(named.range, &spelled);
            }
        }
        text
    }
}

/// How the documents spell an identifier: as it is asked for if any does, else as most of them do.
fn spelling(collections: &[&Arc<Collection>], identifier: &Identifier, asked: &str) -> Option<String> {
    let Kind::Number(word) = &identifier.kind else {
        let mut spellings: BTreeMap<&str, usize> = BTreeMap::new();
        for found in collections.iter().filter_map(|c| c.identifiers.codes.get(&identifier.key)) {
            found.iter().for_each(|(spelled, times)| *spellings.entry(spelled).or_default() += times);
        }
        if spellings.contains_key(asked) {
            return Some(asked.to_string());
        }
        let most = spellings.into_iter().max_by_key(|(_, times)| *times);
        return most.map(|(spelled, _)| spelled.to_string());
    };
    let held = |collection: &&Arc<Collection>| {
        let words = collection.identifiers.numbers.get(&identifier.key);
        words.is_some_and(|words| {
            let any = identifier.is_any_version() || identifier.is_number_code();
            let same = |held: &String| {
                held.is_empty() || is_any_version(held) || (is_version_word(held) && is_version_word(word))
            };
            any || words.contains(word) || words.iter().any(same)
        })
    };
    collections.iter().any(held).then(|| asked.to_string())
}

/// Whether the documents hold others like it, so that this one would be among them; or whether the question asks of
/// nothing else.
fn is_missing(collections: &[&Arc<Collection>], identifier: &Identifier, alone: bool) -> bool {
    if let Kind::Number(word) = &identifier.kind {
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
        Some(series.len() >= SERIES && digits <= longest + 1)
    };
    match identifier.kind {
        Kind::Code => {
            let alike: usize =
                collections.iter().filter_map(|c| c.identifiers.shapes.get(&identifier.shape())).sum();
            let shaped = identifier.key.len() >= 5 && identifier.is_plain() && alike >= SERIES;
            in_series() == Some(true) || shaped || (alone && identifier.is_plain())
        }
        _ => in_series() == Some(true) && identifier.series().is_some_and(|(_, digits)| digits >= 2),
    }
}

/// Whether a question asks of nothing but its identifiers.
fn is_all_that_is_asked(analyser: &Analyser, question: &str, found: &[Identifier]) -> bool {
    let mut rest = question.to_string();
    for identifier in found.iter().rev() {
        // Spaced ones and numbers may overlap.
        let range = identifier.range.clone();
        if rest.is_char_boundary(range.start) && rest.get(range.clone()).is_some() {
            rest.replace_range(range.clone(), &" ".repeat(range.len()));
        }
    }
    let analysed = analyser.content(&rest);
    let other = |term: &&&str| !ABOUT_CODES.contains(&format!(" {term} "));
    content_terms(&analysed).iter().filter(other).count() <= FEW
}

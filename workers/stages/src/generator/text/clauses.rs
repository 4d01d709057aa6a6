//! Splits a sentence into clauses, each affirmed or negated.

use std::{collections::BTreeSet, ops::Range};

use hoidap_indices::Analyser;
use hoidap_shared::text::fold;

use crate::generator::text::{
    negation::{canonical_form, is_negated, is_negation, split_words},
    quantities::{self, Quantity},
};

/// Most clauses of a sentence; the last one holds the rest.
const MAX_CLAUSES: usize = 12;
/// Words that start a clause, in lower case; those of the second list may also join nouns.
const CLAUSE_OPENERS: [&str; 21] = [
    "nhưng",
    "còn",
    "mà",
    "nếu",
    "trừ",
    "tuy",
    "dù",
    "vì",
    "rồi",
    "but",
    "while",
    "whereas",
    "however",
    "although",
    "though",
    "if",
    "unless",
    "except",
    "excluding",
    "because",
    "nor",
];
const CONJUNCTIONS: [&str; 6] = ["và", "hoặc", "and", "or", "cùng", "plus"];
/// After these words "còn" means "still", not "but".
const BEFORE_STILL: [&str; 13] =
    ["không", "ko", "k", "chẳng", "chả", "chưa", "vẫn", "đang", "chỉ", "cũng", "sẽ", "đã", "hiện"];
/// Verbs that make a clause a statement.
const VERBS: [&str; 40] = [
    "được", "có", "là", "bị", "sẽ", "cần", "phải", "thì", "mất", "cho", "gồm", "giá", "chịu", "mở", "is",
    "are", "was", "were", "can", "will", "has", "have", "must", "may", "does", "do", "cover", "covers",
    "cost", "costs", "take", "takes", "start", "starts", "open", "opens", "pay", "pays", "include",
    "includes",
];
/// First words of a clause that only says when or under which condition the rest holds.
const ADVERBIAL_OPENERS: [&str; 16] = [
    "nếu", "khi", "với", "trong", "sau", "trước", "từ", "để", "if", "when", "for", "with", "after", "before",
    "unless", "once",
];
/// Last words of an elliptical clause: "còn lõi lọc thì không", "the cartridge does".
const ELLIPSIS_ENDINGS: [&str; 9] = ["có", "được", "does", "do", "is", "are", "can", "will", "has"];
/// Content terms that make a clause a statement.
const MIN_STATEMENT_TERMS: usize = 3;
/// Most words of a sentence's subject.
const MAX_SUBJECT_WORDS: usize = 5;
/// First words of a clause that continues the subject of the clause before it.
const CONTINUATION_OPENERS: [&str; 11] =
    ["cũng", "chỉ", "vẫn", "đều", "đã", "đang", "gồm", "also", "only", "then", "still"];
/// Words that introduce an exception.
const EXCEPTION_OPENERS: [&str; 4] = ["trừ", "except", "excluding", "apart"];
/// Function words that are not content terms.
const FUNCTION_WORDS: [&str; 44] = [
    "trong", "trên", "dưới", "từ", "đến", "với", "về", "theo", "mỗi", "sau", "trước", "khoảng", "hơn", "lúc",
    "vòng", "tới", "qua", "bằng", "đều", "vẫn", "mới", "do", "ngay", "rất", "thêm", "cả", "gồm", "within",
    "per", "each", "after", "before", "until", "over", "during", "also", "while", "ca", "its", "than",
    "because", "yes", "no", "còn",
];
/// Most content terms of a fragment that is joined with the next clause.
const MAX_FRAGMENT_TERMS: usize = 4;

/// One clause of a sentence.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Clause {
    /// Folded content terms and pairs of syllables, without quantities.
    pub(crate) terms: BTreeSet<String>,
    /// The terms of the clause before it, which it may leave out.
    pub(crate) inherited: BTreeSet<String>,
    /// Quantities and codes, in text order.
    pub(crate) quantities: Vec<Quantity>,
    /// The time that an amount is counted for: `an hour`, `mỗi tháng`.
    pub(crate) rates: Vec<Quantity>,
    /// Whether it is negated.
    pub(crate) negated: bool,
    /// The text, in lower case.
    pub(crate) text: String,
}

impl Clause {
    /// Parses one clause.
    pub(crate) fn parse(text: &str, analyser: &Analyser) -> Self {
        let text = canonical_form(text);
        let read = quantities::extract(&text);
        Self {
            terms: content_terms(&read.without_quantities, analyser),
            inherited: BTreeSet::new(),
            quantities: read.stated,
            rates: read.implied.into_iter().filter(|quantity| quantity.dimension() == Some("time")).collect(),
            negated: is_negated(&text),
            text,
        }
    }

    /// Whether it has a subject of its own; otherwise it continues the clause before it.
    pub(crate) fn is_independent(&self) -> bool {
        let mut words = split_words(&self.text)
            .skip_while(|word| CONJUNCTIONS.contains(word) || CLAUSE_OPENERS.contains(word));
        let first = words.next().unwrap_or_default();
        let whole = || self.terms.iter().filter(|term| !term.contains(' ')).count() >= MIN_STATEMENT_TERMS;
        let goes_on = VERBS.contains(&first) || CONTINUATION_OPENERS.contains(&first) || is_negation(first);
        !ADVERBIAL_OPENERS.contains(&first) && !goes_on && (has_verb(&self.text) || whole())
    }
}

/// A text's content terms and pairs of syllables, without function words.
pub(crate) fn content_terms(text: &str, analyser: &Analyser) -> BTreeSet<String> {
    let words: Vec<&str> = text
        .split_whitespace()
        .map(|word| {
            let bare = word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
            let drops = FUNCTION_WORDS.contains(&bare.as_str())
                || is_negation(&bare)
                || matches!(bare.as_str(), "k" | "kh" | "hk");
            if drops { "." } else { word }
        })
        .collect();
    let found = analyser.content(&words.join(" "));
    // "Check-in" and "check-out" differ in function words only.
    let compounds = words.iter().map(|word| fold(word.trim_matches(|c: char| !c.is_alphanumeric())));
    let compounds = compounds.filter(|word| word.split('-').filter(|part| !part.is_empty()).count() == 2);
    let terms = found.folded.into_iter().chain(found.pairs).chain(compounds);
    terms.filter(|term| !term.contains(|c: char| c.is_ascii_digit())).collect()
}

/// The content terms before a sentence's verb. Words for people are left out: "the visitor" and "the customer" are
/// the same.
pub(crate) fn subject_terms(text: &str, analyser: &Analyser) -> Vec<String> {
    const PEOPLE: [&str; 27] = [
        "khách",
        "hàng",
        "người",
        "dùng",
        "quý",
        "anh",
        "chị",
        "em",
        "bạn",
        "công",
        "ty",
        "chúng",
        "mọi",
        "customer",
        "customers",
        "user",
        "users",
        "visitor",
        "visitors",
        "guest",
        "guests",
        "member",
        "members",
        "people",
        "client",
        "clients",
        "everyone",
    ];
    let low = canonical_form(text);
    let words =
        split_words(&low).take_while(|word| !VERBS.contains(word)).filter(|word| !PEOPLE.contains(word));
    let words: Vec<&str> = words.take(MAX_SUBJECT_WORDS).collect();
    content_terms(&words.join(" "), analyser).into_iter().filter(|term| !term.contains(' ')).collect()
}

/// Splits a sentence into clauses.
pub(crate) fn split_clauses(sentence: &str, analyser: &Analyser) -> Vec<Clause> {
    let mut parts: Vec<Clause> = Vec::new();
    let mut from = None;
    let cuts = clause_ranges(sentence);
    for (i, (range, joined)) in cuts.iter().enumerate() {
        let start = from.take().unwrap_or(range.start);
        let clause = Clause::parse(&sentence[start..range.end], analyser);
        let next_joins = cuts.get(i + 1).is_some_and(|(_, joined)| *joined);
        let last = i + 1 == cuts.len();
        // A clause after a comma stands alone unless it is almost empty.
        let most = if next_joins { MAX_FRAGMENT_TERMS } else { MAX_FRAGMENT_TERMS / 2 };
        if !last && is_fragment(&clause, most) {
            from = Some(start);
            continue;
        }
        // An almost empty last clause belongs to the clause before it.
        if last && *joined && is_fragment(&clause, MAX_FRAGMENT_TERMS) && !parts.is_empty() {
            let before = parts.pop().map(|part| part.text).unwrap_or_default();
            push(&mut parts, Clause::parse(&format!("{before} {}", clause.text), analyser));
            continue;
        }
        push(&mut parts, clause);
    }
    parts
}

fn push(parts: &mut Vec<Clause>, mut clause: Clause) {
    if let Some(before) = parts.last() {
        clause.inherited = before.terms.clone();
        if split_words(&clause.text).next().is_some_and(|first| EXCEPTION_OPENERS.contains(&first)) {
            clause.terms.extend(clause.inherited.iter().cloned());
            clause.negated = !before.negated;
        }
        let last =
            clause.text.rsplit(|c: char| !c.is_alphanumeric() && c != '\'').find(|word| !word.is_empty());
        if last.is_some_and(|word| is_negation(word) || ELLIPSIS_ENDINGS.contains(&word))
            && clause.quantities.is_empty()
        {
            clause.terms.extend(clause.inherited.iter().cloned());
        }
    }
    parts.push(clause);
}

fn is_fragment(clause: &Clause, most: usize) -> bool {
    let words = clause.terms.iter().filter(|term| !term.contains(' ')).count();
    clause.quantities.is_empty() && !clause.negated && words <= most && !has_verb(&clause.text)
}

fn has_verb(text: &str) -> bool {
    split_words(text).any(|word| VERBS.contains(&word))
}

/// The range of each clause, and whether "and" joins it to the one before it.
fn clause_ranges(sentence: &str) -> Vec<(Range<usize>, bool)> {
    let mut found: Vec<(Range<usize>, bool)> = Vec::new();
    let (mut from, mut joined) = (0, false);
    let mut before = String::new();
    let mut cut = |from: &mut usize, joined: &mut bool, at: usize, by_and: bool| {
        if found.len() + 1 >= MAX_CLAUSES {
            return;
        }
        if !sentence[*from..at].trim().is_empty() {
            found.push((*from..at, *joined));
            *from = at;
        }
        *joined = by_and;
    };
    let mut word_from = 0;
    let bytes = sentence.as_bytes();
    for (at, c) in sentence.char_indices().chain([(sentence.len(), ' ')]) {
        if c.is_whitespace() || at == sentence.len() {
            let word = sentence[word_from..at]
                .trim_matches(|c: char| !c.is_alphanumeric() && c != '\'')
                .to_lowercase();
            let still = word == "còn" && BEFORE_STILL.contains(&before.as_str());
            if CLAUSE_OPENERS.contains(&word.as_str()) && !still {
                cut(&mut from, &mut joined, word_from, false);
            } else if CONJUNCTIONS.contains(&word.as_str()) {
                cut(&mut from, &mut joined, word_from, true);
            }
            if !word.is_empty() {
                before = word;
            }
            word_from = at + c.len_utf8();
        } else if matches!(c, ',' | ';' | '(' | ')' | '—' | '–' | '|' | '…' | ':') {
            let digit = |i: Option<usize>| i.and_then(|i| bytes.get(i)).is_some_and(u8::is_ascii_digit);
            let end = at + c.len_utf8();
            if !(digit(at.checked_sub(1)) && digit(Some(end))) {
                // The punctuation mark ends the word before it.
                let word = sentence[word_from.min(at)..at].to_lowercase();
                if !word.trim().is_empty() {
                    before = word.trim().to_string();
                }
                cut(&mut from, &mut joined, end, false);
                word_from = end;
            }
        }
    }
    if !sentence[from..].trim().is_empty() {
        found.push((from..sentence.len(), joined));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Vec<(String, bool)> {
        let found = split_clauses(text, &Analyser::default()).into_iter();
        found.map(|part| (part.text.trim().to_string(), part.negated)).collect()
    }

    #[test]
    fn a_sentence_has_its_parts_each_affirmed_or_denied() {
        assert_eq!(
            parts("Vỏ máy được bảo hành, còn lõi lọc thì không."),
            [("vỏ máy được bảo hành,".into(), false), ("còn lõi lọc thì không.".into(), true)]
        );
        assert_eq!(
            parts("The café accepts cards but not cheques."),
            [("the café accepts cards".into(), false), ("but not cheques.".into(), true)]
        );
        assert_eq!(parts("Gói cũ không còn bán."), [("gói cũ không còn bán.".into(), true)]);
        assert_eq!(parts("Phí từ 2.000.000đ, mở lúc 8:00.").len(), 2);
        assert_eq!(parts("Dogs and cats are not allowed.").len(), 1, "what is listed is denied together");
    }

    #[test]
    fn a_part_that_leaves_words_away_has_those_before_it() {
        let found = split_clauses("Dogs are not allowed, except guide dogs.", &Analyser::default());
        assert!(found[1].terms.contains("allow") && !found[1].negated);
        let found = split_clauses("Vỏ máy được bảo hành còn lõi lọc thì không", &Analyser::default());
        assert!(found[1].terms.contains("bao hanh") && found[1].negated);
    }

    #[test]
    fn a_long_text_has_few_parts() {
        for text in ["a, ", "và ", "(((", "không ", ",,,", "nếu a, ", "1, ", " - "] {
            assert!(split_clauses(&text.repeat(50_000), &Analyser::default()).len() <= MAX_CLAUSES, "{text}");
        }
    }
}

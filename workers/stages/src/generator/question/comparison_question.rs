//! Detects a question that asks for a comparison.

use hoidap_shared::text::fold;
use unicode_segmentation::UnicodeSegmentation as _;

/// Phrases that ask for a comparison, without diacritics.
pub(in crate::generator) const COMPARISON_PHRASES: [&str; 20] = [
    "so sanh",
    "khac nhau",
    "khac gi",
    "khac biet",
    "khac the nao",
    "khac cho nao",
    "khac o dau",
    "khac o cho nao",
    "khac ra sao",
    "khac o diem nao",
    "chenh",
    "chenh lech",
    "compare",
    "compared",
    "comparison",
    "difference",
    "differences",
    "differ",
    "vs",
    "versus",
];
/// Words that ask for a comparison only if a table has both things.
pub(in crate::generator) const CHOICE_WORDS: [&str; 8] =
    ["khac", "hay", "hoac", "so voi", "hon", "or", "than", "better"];

/// A question that compares things.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ComparisonQuestion {
    /// Its words as typed, and folded.
    pub(in crate::generator) typed: Vec<String>,
    pub(in crate::generator) words: Vec<String>,
    /// The range of the words that ask for a comparison explicitly; `None` if only a table can show that one is
    /// meant.
    pub(in crate::generator) outright: Option<(usize, usize)>,
}

pub(crate) fn detect_comparison(question: &str) -> Option<ComparisonQuestion> {
    let typed: Vec<String> = question.unicode_words().map(Into::into).collect();
    let words: Vec<String> = typed.iter().map(|word| fold(word)).collect();
    let outright = find_phrase(&words, &COMPARISON_PHRASES);
    (outright.is_some() || find_phrase(&words, &CHOICE_WORDS).is_some()).then_some(ComparisonQuestion {
        typed,
        words,
        outright,
    })
}

/// The range of the first phrase that occurs.
pub(in crate::generator) fn find_phrase(words: &[String], phrases: &[&str]) -> Option<(usize, usize)> {
    (0..words.len()).find_map(|at| {
        let there = |phrase: &&&str| {
            let mut parts = phrase.split(' ').enumerate();
            parts.all(|(i, part)| words.get(at + i).is_some_and(|word| word == part))
        };
        let longest = phrases.iter().filter(there).map(|phrase| phrase.split(' ').count()).max()?;
        Some((at, at + longest))
    })
}

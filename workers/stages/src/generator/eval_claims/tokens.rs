//! The words of a sentence with their positions, and helpers for numbers and names.

use std::{collections::HashMap, ops::Range};

use crate::generator::question::answer_type::MONTHS;

/// A word without surrounding punctuation, with its position.
#[derive(Clone, Debug)]
pub(super) struct SentenceWord<'a> {
    pub(super) text: &'a str,
    pub(super) low: String,
    pub(super) range: Range<usize>,
    /// Whether punctuation separates it from the word before it.
    pub(super) parted: bool,
}

/// Splits a text into words.
pub(super) fn words(text: &str) -> Vec<SentenceWord<'_>> {
    let mut found: Vec<SentenceWord<'_>> = Vec::new();
    let mut at = 0;
    for piece in text.split_inclusive(char::is_whitespace) {
        let bare = piece.trim_matches(|c: char| !c.is_alphanumeric() && !"%₫$€".contains(c));
        if !bare.is_empty() {
            let from = at + (bare.as_ptr() as usize - piece.as_ptr() as usize);
            let end = found.last().map_or(0, |word| word.range.end);
            found.push(SentenceWord {
                text: bare,
                low: bare.to_lowercase(),
                range: from..from + bare.len(),
                parted: !text[end..from].trim().is_empty(),
            });
        }
        at += piece.len();
    }
    found
}

/// Replaces a range of a text.
pub(super) fn replace_range(text: &str, range: &Range<usize>, new: &str) -> String {
    format!("{}{new}{}", &text[..range.start], &text[range.end..])
}

/// Starts a text with a capital letter.
pub(super) fn capitalise(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// Starts a text with a lowercase letter, unless its first word is an acronym.
pub(super) fn decapitalise(text: &str) -> String {
    let mut chars = text.chars();
    let Some(first) = chars.next() else { return String::new() };
    match chars.clone().next() {
        Some(second) if second.is_uppercase() || second.is_ascii_digit() => text.into(),
        _ => first.to_lowercase().chain(chars).collect(),
    }
}

/// Whether a word is a number in digits, separators included.
pub(super) fn is_number(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit())
        && word.chars().all(|c| c.is_ascii_digit() || ".,".contains(c))
}

/// A number's digits.
pub(super) fn digits(word: &str) -> String {
    word.chars().filter(char::is_ascii_digit).collect()
}

/// Whether a word may be a year.
pub(super) fn is_year(word: &str) -> bool {
    word.len() == 4 && word.parse::<u32>().is_ok_and(|year| (1000..2100).contains(&year))
}

/// For each word, how often it is capitalised inside a sentence, and how often not.
#[derive(Default)]
pub(super) struct ProperNouns(HashMap<String, (u32, u32)>);

impl ProperNouns {
    /// Counts a sentence's words.
    pub(super) fn count(&mut self, text: &str) {
        for word in words(text).iter().skip(1).filter(|word| !word.parted) {
            let (capital, small) = self.0.entry(word.low.clone()).or_default();
            if word.text.starts_with(char::is_uppercase) { *capital += 1 } else { *small += 1 }
        }
    }

    /// Whether a word is usually capitalised.
    fn is_name(&self, low: &str) -> bool {
        self.0.get(low).is_some_and(|(capital, small)| *capital > 1 && *capital > 4 * small)
    }

    /// The proper nouns of a sentence, as ranges of its words.
    pub(super) fn find_in(&self, words: &[SentenceWord<'_>]) -> Vec<Range<usize>> {
        let capital = |word: &SentenceWord<'_>| {
            word.text.starts_with(char::is_uppercase) && word.text.chars().count() > 1 && !is_month(&word.low)
        };
        let mut found: Vec<Range<usize>> = Vec::new();
        let mut at = 0;
        while at < words.len() {
            let mut end = at;
            while end < words.len() && capital(&words[end]) && (end == at || !words[end].parted) {
                end += 1;
            }
            let begins = at == 0 || words[at].parted;
            // The first word of a sentence is capitalised anyway; it counts if it is usually capitalised.
            if end > at && (!begins || words[at..end].iter().all(|word| self.is_name(&word.low))) {
                found.push(at..end);
            }
            at = end.max(at + 1);
        }
        found
    }
}

fn is_month(low: &str) -> bool {
    MONTHS.contains(&low)
}

//! Which rows of a table a text names.

use std::collections::BTreeSet;

use hoidap_shared::text::{fold, has_vietnamese_marks};
use unicode_segmentation::UnicodeSegmentation as _;

use crate::generator::passages::passage_set::PassageSet;

/// Separators between the names in one cell: "Rừng, Đại Ngàn".
const NAME_SEPARATORS: [char; 3] = [',', ';', '/'];

/// The rows whose first cell, or one of the names in it, a text contains with all the words that not all rows share. Diacritics
/// count where the text has them: "Lá" is not "là".
pub(crate) fn named_rows(passage_set: &PassageSet, table: &[usize], text: &str) -> BTreeSet<usize> {
    let is_marked = has_vietnamese_marks(text);
    let words = |text: &str| -> BTreeSet<String> {
        let text = if is_marked { text.to_lowercase() } else { fold(text) };
        text.unicode_words().map(str::to_string).collect()
    };
    let asked = words(text);
    let names: Vec<(usize, Vec<BTreeSet<String>>)> = table
        .iter()
        .map(|&at| {
            let cell = passage_set.segments[at].row.as_ref().map_or("", |row| row.cell(0));
            // What stands in brackets says something about the name.
            let name = cell.split_once('(').map_or(cell, |(name, _)| name);
            (at, name.split(NAME_SEPARATORS).map(words).collect())
        })
        .collect();
    let is_shared =
        |word: &String| names.iter().all(|(_, parts)| parts.iter().any(|part| part.contains(word)));
    let is_named = |part: &BTreeSet<String>| {
        let mut own = part.iter().filter(|word| !is_shared(word)).peekable();
        own.peek().is_some() && own.all(|word| asked.contains(word))
    };
    names.iter().filter(|(_, parts)| parts.iter().any(is_named)).map(|(at, _)| *at).collect()
}

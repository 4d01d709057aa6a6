//! Sibling names: alternatives in the same row or column of a table, such as the plans of a price list. A follow-up that only
//! names another one asks the same question about it.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    sync::Arc,
};

use hoidap_shared::text::{cells, fold};
use unicode_segmentation::UnicodeSegmentation as _;

use crate::vietnamese::tone_marks::matches_typed;

/// Most words in a name.
const MAX_NAME_WORDS: usize = 3;
/// Most names in one row or column; a longer one does not list alternatives.
const MAX_NAMES: usize = 24;

type NameGroup = Arc<Vec<Vec<String>>>;

/// The sibling names of all tables, by column and by row.
#[derive(Clone, Debug, Default)]
pub struct SiblingNames {
    /// The groups that contain a name, by the name's first word without diacritics.
    by_first: HashMap<String, Vec<NameGroup>>,
    known: HashSet<NameGroup>,
}

impl SiblingNames {
    /// Adds the tables of a text.
    pub(crate) fn add(&mut self, text: &str) {
        let mut table: Vec<Vec<&str>> = Vec::new();
        for line in text.lines().chain([""]) {
            let cells = cells(line);
            if cells.len() > 1 && table.first().is_none_or(|first| first.len() == cells.len()) {
                table.push(cells);
                continue;
            }
            self.add_table(&table);
            table = if cells.len() > 1 { vec![cells] } else { Vec::new() };
        }
    }

    fn add_table(&mut self, table: &[Vec<&str>]) {
        let [head, rows @ ..] = table else { return };
        if rows.is_empty() {
            return;
        }
        self.add_names(head.iter().skip(1));
        self.add_names(rows.iter().filter_map(|row| row.first()));
    }

    /// Adds a group of names if there are several and all are short.
    fn add_names<'a>(&mut self, cells: impl Iterator<Item = &'a &'a str>) {
        let mut names: Vec<Vec<String>> = cells.map(|cell| words(cell)).collect();
        names.sort_unstable();
        names.dedup();
        let digits = |word: &String| word.chars().any(|c| c.is_ascii_digit());
        let is_name =
            |name: &Vec<String>| (1..=MAX_NAME_WORDS).contains(&name.len()) && !name.iter().any(digits);
        if (2..=MAX_NAMES).contains(&names.len()) && names.iter().all(is_name) {
            self.insert(Arc::new(names));
        }
    }

    fn insert(&mut self, names: NameGroup) {
        if !self.known.insert(Arc::clone(&names)) {
            return;
        }
        let firsts: HashSet<String> = names.iter().map(|name| fold(&name[0])).collect();
        for first in firsts {
            self.by_first.entry(first).or_default().push(Arc::clone(&names));
        }
    }

    /// Adds the groups of another collection.
    pub(crate) fn merge(&mut self, other: &Self) {
        other.known.iter().for_each(|names| self.insert(Arc::clone(names)));
    }

    /// The ranges of a name in the old text and of its sibling in the new text; `None` when either text has several of the group.
    pub(super) fn find_replacement(&self, old: &str, new: &str) -> Option<(Range<usize>, Range<usize>)> {
        let new_words: Vec<(usize, &str)> = new.unicode_word_indices().collect();
        let old_words: Vec<(usize, &str)> = old.unicode_word_indices().collect();
        new_words.iter().find_map(|(_, word)| {
            self.by_first.get(&fold(word))?.iter().find_map(|names| {
                let [(in_new, after)] = mentions(&new_words, names)[..] else { return None };
                let [(in_old, before)] = mentions(&old_words, names)[..] else { return None };
                (after != before).then(|| {
                    (range(&old_words, in_old, before.len()), range(&new_words, in_new, after.len()))
                })
            })
        })
    }
}

fn words(text: &str) -> Vec<String> {
    text.unicode_words().map(str::to_lowercase).collect()
}

/// The names that a text mentions, with the index of the first word. At one word, the longest name counts.
fn mentions<'a>(text: &[(usize, &str)], names: &'a [Vec<String>]) -> Vec<(usize, &'a Vec<String>)> {
    let is_at = |at: usize, name: &&Vec<String>| {
        let there = text.get(at..at + name.len());
        there.is_some_and(|there| {
            there.iter().zip(*name).all(|((_, typed), known)| matches_typed(&typed.to_lowercase(), known))
        })
    };
    let mut found: Vec<(usize, &Vec<String>)> = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let longest = names.iter().filter(|name| is_at(at, name)).max_by_key(|name| name.len());
        let another = longest.filter(|name| found.iter().all(|(_, known)| known != name));
        found.extend(another.map(|name| (at, name)));
        at += longest.map_or(1, Vec::len);
    }
    found
}

fn range(words: &[(usize, &str)], from: usize, count: usize) -> Range<usize> {
    let (last, word) = words[from + count - 1];
    words[from].0..last + word.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLANS: &str = "Các gói\nQuyền lợi | Lẻ | Nhóm nhỏ | Studio\nGiá | 0 đ | 40.000 đ | 90.000 đ\nSố máy | 1 | 5 | 20\nHết.";

    fn swapped(old: &str, new: &str) -> Option<String> {
        let mut siblings = SiblingNames::default();
        siblings.add(PLANS);
        let (in_old, in_new) = siblings.find_replacement(old, new)?;
        let mut old = old.to_string();
        old.replace_range(in_old, &new[in_new]);
        Some(old)
    }

    #[test]
    fn the_one_beside_it_takes_the_place() {
        assert_eq!(swapped("Studio có mấy máy?", "thế bản Nhóm nhỏ?").unwrap(), "Nhóm nhỏ có mấy máy?");
        assert_eq!(swapped("goi studio may may", "con nhom nho").unwrap(), "goi nhom nho may may");
        assert_eq!(swapped("Giá gói Studio?", "còn số máy?").unwrap(), "số máy gói Studio?");
    }

    #[test]
    fn what_stands_beside_nothing_or_names_several_stays() {
        assert_eq!(swapped("Studio có mấy máy?", "còn Thái Bình?"), None);
        assert_eq!(swapped("Studio hay Lẻ?", "còn Nhóm nhỏ?"), None);
        assert_eq!(swapped("Studio có mấy máy?", "Studio giá bao nhiêu?"), None);
    }
}

//! Abbreviations that carry a question's subject, written out.

use std::collections::{BTreeMap, HashMap, HashSet};

use hoidap_shared::text::Language;
use unicode_segmentation::UnicodeSegmentation as _;

const BUILT_IN: &str = include_str!("abbreviations.txt");

/// The abbreviations that are known, and those whose letters the site uses itself.
#[derive(Clone, Debug)]
pub struct Abbreviations {
    vi: HashMap<String, String>,
    en: HashMap<String, String>,
    doubtful: HashSet<String>,
}

/// A text with its abbreviations written out.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct WrittenOut {
    /// The text with all of them written out.
    pub(super) text: String,
    /// The text in which those that the site uses otherwise stay as they were typed, where there is one.
    pub(super) as_typed: Option<String>,
}

impl Default for Abbreviations {
    fn default() -> Self {
        let mut known = Self { vi: HashMap::new(), en: HashMap::new(), doubtful: HashSet::new() };
        for line in BUILT_IN.lines().filter(|line| !line.starts_with('#')) {
            let Some((language, pairs)) = line.split_once(": ") else { continue };
            let list = if language == "en" { &mut known.en } else { &mut known.vi };
            for (short, long) in pairs.split(" | ").filter_map(|pair| pair.split_once(" = ")) {
                list.insert(short.to_string(), long.to_string());
            }
        }
        known
    }
}

impl Abbreviations {
    /// The built-in ones and the site's own, in both languages; one without a meaning is taken away.
    #[must_use]
    pub fn with(of_site: &BTreeMap<String, String>) -> Self {
        let mut known = Self::default();
        for (short, long) in of_site {
            let short = short.to_lowercase();
            for list in [&mut known.vi, &mut known.en] {
                if long.trim().is_empty() {
                    list.remove(&short);
                } else {
                    list.insert(short.clone(), long.trim().to_string());
                }
            }
        }
        known
    }

    /// Every abbreviation that is known.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        self.vi.keys().chain(self.en.keys()).map(String::as_str)
    }

    /// The same with those named as doubtful that the site uses itself, in whatever meaning.
    #[must_use]
    pub fn doubting(self, used: impl Fn(&str) -> bool) -> Self {
        let doubtful = self.all().filter(|short| used(short)).map(ToString::to_string).collect();
        Self { doubtful, ..self }
    }

    /// Whether a word speaks for Vietnamese: an abbreviation of its own that is no word of any language.
    pub(super) fn is_vietnamese(&self, word: &str) -> bool {
        let spoken = word.contains(['a', 'e', 'i', 'o', 'u', 'y']);
        !spoken && self.vi.contains_key(word) && !self.en.contains_key(word)
    }

    /// Whether a word is an abbreviation in the language.
    pub(super) fn knows(&self, word: &str, language: Language) -> bool {
        self.of(language).contains_key(word)
    }

    /// Writes the abbreviations of a text out; `None` where it has none.
    pub(super) fn write_out(&self, text: &str, language: Language) -> Option<WrittenOut> {
        let known = self.of(language);
        let (mut all, mut sure) = (String::new(), String::new());
        let (mut at, mut doubted) = (0, false);
        for (start, word) in text.unicode_word_indices() {
            let end = start + word.len();
            let short = word.to_lowercase();
            let Some(long) = known.get(&short).filter(|_| stands_alone(text, start, end)) else { continue };
            let doubtful = self.doubtful.contains(&short);
            for (written, keep) in [(&mut all, false), (&mut sure, doubtful)] {
                written.push_str(&text[at..start]);
                written.push_str(if keep { word } else { long });
            }
            doubted |= doubtful;
            at = end;
        }
        if at == 0 {
            return None;
        }
        all.push_str(&text[at..]);
        sure.push_str(&text[at..]);
        Some(WrittenOut { text: all, as_typed: doubted.then_some(sure) })
    }

    fn of(&self, language: Language) -> &HashMap<String, String> {
        match language {
            Language::Vi => &self.vi,
            Language::En => &self.en,
        }
    }
}

/// Whether a word is part of nothing larger: no code ("MK-20"), name ("tk_id"), address or number ("5 k").
fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    let joined = |c: char| c.is_alphanumeric() || "-_@./\\#&+'’".contains(c);
    let before = text[..start].chars().next_back();
    let mut after = text[end..].chars();
    let next = after.next();
    // The mark at the end of a sentence joins nothing.
    let ends = next.is_none_or(|c| "./'’".contains(c)) && after.next().is_none_or(char::is_whitespace);
    let number = |word: Option<&str>| word.is_some_and(|word| word.chars().all(|c| c.is_ascii_digit()));
    let amount = number(text[..start].split_whitespace().next_back());
    !before.is_some_and(joined) && (ends || !next.is_some_and(joined)) && !amount
}

#[cfg(test)]
mod tests {
    use super::*;

    fn out(text: &str, language: Language) -> Option<String> {
        Abbreviations::default().write_out(text, language).map(|out| out.text)
    }

    #[test]
    fn abbreviations_are_written_out_in_their_language() {
        assert_eq!(out("quên mk thì làm sao", Language::Vi).unwrap(), "quên mật khẩu thì làm sao");
        assert_eq!(out("SĐT cty ntn?", Language::Vi).unwrap(), "số điện thoại công ty như thế nào?");
        assert_eq!(out("forgot my pw.", Language::En).unwrap(), "forgot my password.");
        assert_eq!(out("đặt lại mật khẩu", Language::Vi), None);
    }

    #[test]
    fn parts_of_codes_names_and_amounts_stay() {
        for text in ["máy MK-20", "a@mk.vn", "tk_id", "50 k", "dt/2024"] {
            assert_eq!(out(text, Language::Vi), None, "{text}");
        }
    }

    #[test]
    fn what_the_site_uses_itself_is_read_both_ways() {
        let known = Abbreviations::default().doubting(|short| short == "mk");
        let found = known.write_out("mk của sdt này", Language::Vi).unwrap();
        assert_eq!(found.text, "mật khẩu của số điện thoại này");
        assert_eq!(found.as_typed.as_deref(), Some("mk của số điện thoại này"));
    }

    #[test]
    fn a_site_adds_and_takes_away() {
        let of_site =
            [("xlc", "xử lý chậm"), ("ship", "")].map(|(s, l)| (s.to_string(), l.to_string())).into();
        let known = Abbreviations::with(&of_site);
        assert_eq!(known.write_out("ship xlc", Language::Vi).unwrap().text, "ship xử lý chậm");
    }
}

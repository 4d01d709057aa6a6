//! Expands abbreviations that name a question's subject.

use std::collections::{BTreeMap, HashMap, HashSet};

use hoidap_shared::text::Language;
use unicode_segmentation::UnicodeSegmentation as _;

use super::word_counts::WordCounts;

const BUILT_IN: &str = include_str!("abbreviations.txt");

/// Known abbreviations of both languages. One is ambiguous when the site's documents use it as a word.
#[derive(Clone, Debug)]
pub struct Abbreviations {
    vi: HashMap<String, String>,
    en: HashMap<String, String>,
    ambiguous: HashSet<String>,
    /// What the initials of the site's own Vietnamese words stand for: "bc" for "bưu cục".
    initials: HashMap<String, String>,
}

/// A text with its abbreviations expanded.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ExpandedText {
    /// The text with all of them expanded.
    pub(super) text: String,
    /// The text with the ambiguous ones left as typed; `None` when there are none.
    pub(super) as_typed: Option<String>,
}

impl Default for Abbreviations {
    fn default() -> Self {
        let mut known = Self {
            vi: HashMap::new(),
            en: HashMap::new(),
            ambiguous: HashSet::new(),
            initials: HashMap::new(),
        };
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
    /// The built-in abbreviations and the site's own, in both languages. One with an empty meaning is removed.
    #[must_use]
    pub fn with_site(of_site: &BTreeMap<String, String>) -> Self {
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

    /// Every known abbreviation.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        self.vi.keys().chain(self.en.keys()).map(String::as_str)
    }

    /// The same, where those that the site uses as words are marked as ambiguous.
    #[must_use]
    pub fn with_ambiguous(self, used: impl Fn(&str) -> bool) -> Self {
        let ambiguous = self.all().filter(|short| used(short)).map(ToString::to_string).collect();
        Self { ambiguous, ..self }
    }

    /// The same with the initials of the site's own words, but for those that the site uses as words.
    #[must_use]
    pub fn with_initials_of(self, words: &WordCounts, used: impl Fn(&str) -> bool) -> Self {
        let initials = words.initials().into_iter().filter(|(short, _)| !used(short)).collect();
        Self { initials, ..self }
    }

    /// Whether a word is a Vietnamese abbreviation that is not a word of either language.
    pub(super) fn is_vietnamese(&self, word: &str) -> bool {
        let spoken = word.contains(['a', 'e', 'i', 'o', 'u', 'y']);
        !spoken && self.vi.contains_key(word) && !self.en.contains_key(word)
    }

    /// Whether a word is an abbreviation in the language.
    pub(super) fn contains(&self, word: &str, language: Language) -> bool {
        self.of(language).contains_key(word)
    }

    /// Expands the abbreviations of a text; `None` when it has none.
    pub(super) fn expand(&self, text: &str, language: Language) -> Option<ExpandedText> {
        let known = self.of(language);
        let (mut all, mut sure) = (String::new(), String::new());
        let (mut at, mut found_ambiguous) = (0, false);
        for (start, word) in text.unicode_word_indices() {
            let end = start + word.len();
            let short = word.to_lowercase();
            let by_initials = self.initials.get(&short).filter(|_| language == Language::Vi);
            // In capitals, the initials of a name: "ĐN" is Đà Nẵng where the site speaks of it.
            let is_name = word.chars().all(char::is_uppercase);
            let (first, second) = (known.get(&short), by_initials);
            let (first, second) = if is_name { (second, first) } else { (first, second) };
            let Some(long) = first.or(second).filter(|_| stands_alone(text, start, end)) else { continue };
            let ambiguous = self.ambiguous.contains(&short) || known.get(&short) != Some(long);
            for (written, keep) in [(&mut all, false), (&mut sure, ambiguous)] {
                written.push_str(&text[at..start]);
                written.push_str(if keep { word } else { long });
            }
            found_ambiguous |= ambiguous;
            at = end;
        }
        if at == 0 {
            return None;
        }
        all.push_str(&text[at..]);
        sure.push_str(&text[at..]);
        Some(ExpandedText { text: all, as_typed: found_ambiguous.then_some(sure) })
    }

    fn of(&self, language: Language) -> &HashMap<String, String> {
        match language {
            Language::Vi => &self.vi,
            Language::En => &self.en,
        }
    }
}

/// Whether a word is not part of a code ("MK-20"), a name ("tk_id"), an address or an amount ("5 k").
fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    let joined = |c: char| c.is_alphanumeric() || "-_@./\\#&+'’".contains(c);
    let before = text[..start].chars().next_back();
    let mut after = text[end..].chars();
    let next = after.next();
    // Punctuation at the end of a sentence joins nothing.
    let ends = next.is_none_or(|c| "./'’".contains(c)) && after.next().is_none_or(char::is_whitespace);
    let number = |word: Option<&str>| word.is_some_and(|word| word.chars().all(|c| c.is_ascii_digit()));
    let amount = number(text[..start].split_whitespace().next_back());
    !before.is_some_and(joined) && (ends || !next.is_some_and(joined)) && !amount
}

#[cfg(test)]
mod tests {
    use super::*;

    fn out(text: &str, language: Language) -> Option<String> {
        Abbreviations::default().expand(text, language).map(|out| out.text)
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
        let known = Abbreviations::default().with_ambiguous(|short| short == "mk");
        let found = known.expand("mk của sdt này", Language::Vi).unwrap();
        assert_eq!(found.text, "mật khẩu của số điện thoại này");
        assert_eq!(found.as_typed.as_deref(), Some("mk của số điện thoại này"));
    }

    #[test]
    fn initials_stand_for_what_a_site_says_often() {
        let mut words = WordCounts::default();
        for _ in 0..6 {
            words.add("Bưu cục Đà Nẵng có hướng dẫn viên. Đơn hàng đến bưu cục.", Language::Vi);
        }
        let known = Abbreviations::default().with_initials_of(&words, |_| false);
        let found = known.expand("hdv ở bc ĐN có đn được ko", Language::Vi).unwrap();
        assert_eq!(found.text, "hướng dẫn viên ở bưu cục đà nẵng có đăng nhập được không");
        assert_eq!(found.as_typed.as_deref(), Some("hướng dẫn viên ở bc ĐN có đăng nhập được không"));
        let used = Abbreviations::default().with_initials_of(&words, |word| word == "bc");
        assert_eq!(used.expand("bc", Language::Vi), None);
    }

    #[test]
    fn a_site_adds_and_takes_away() {
        let of_site =
            [("xlc", "xử lý chậm"), ("ship", "")].map(|(s, l)| (s.to_string(), l.to_string())).into();
        let known = Abbreviations::with_site(&of_site);
        assert_eq!(known.expand("ship xlc", Language::Vi).unwrap().text, "ship xử lý chậm");
    }
}

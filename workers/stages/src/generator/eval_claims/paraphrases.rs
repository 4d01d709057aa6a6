//! Generates true claims: safe paraphrases of a sentence.

use hoidap_shared::text::{Language, has_vietnamese_marks};

use super::{
    ClaimGenerator, SyntheticClaim,
    tokens::{SentenceWord, capitalise, decapitalise, is_number, is_year, replace_range, words},
};

/// Number words, in both languages.
const NUMBER_WORDS: [(&str, &str, &str); 11] = [
    ("2", "two", "hai"),
    ("3", "three", "ba"),
    ("4", "four", "bốn"),
    ("5", "five", "năm"),
    ("6", "six", "sáu"),
    ("7", "seven", "bảy"),
    ("8", "eight", "tám"),
    ("9", "nine", "chín"),
    ("10", "ten", "mười"),
    ("11", "eleven", "mười một"),
    ("12", "twelve", "mười hai"),
];
/// Units before which a number may be written as a word, in lower case.
const COUNTED_UNITS: [&str; 16] = [
    "days", "weeks", "months", "years", "hours", "minutes", "times", "devices", "people", "ngày", "tuần",
    "tháng", "giờ", "phút", "lần", "người",
];
/// Leads that may be dropped with their comma, in lower case.
const DROPPABLE_LEADS: [&str; 26] = [
    "however",
    "therefore",
    "moreover",
    "furthermore",
    "in addition",
    "also",
    "additionally",
    "for example",
    "for instance",
    "thus",
    "hence",
    "then",
    "instead",
    "finally",
    "note",
    "tuy nhiên",
    "ngoài ra",
    "do đó",
    "vì vậy",
    "vì thế",
    "bên cạnh đó",
    "hơn nữa",
    "ví dụ",
    "lưu ý",
    "cuối cùng",
    "trên thực tế",
];
/// Leads that models write before a sentence.
const MODEL_LEADS: [(&str, &str); 3] = [
    ("Theo tài liệu, ", "According to the documentation, "),
    ("Dạ, ", "Yes, "),
    ("Theo thông tin được cung cấp, ", "Based on the information provided, "),
];
/// First words of an adverbial that may move to the end, in lower case.
const MOVABLE_OPENERS: [&str; 12] =
    ["if", "when", "in", "after", "before", "during", "nếu", "khi", "trong", "sau", "trước", "để"];

impl ClaimGenerator<'_> {
    /// All paraphrases of a sentence.
    pub(super) fn paraphrases(
        &mut self,
        at: usize,
        own: &str,
        language: Language,
        made: &mut Vec<SyntheticClaim>,
    ) {
        made.push(SyntheticClaim::right("as it stands", language, own, own.into()));
        let mut push = |kind, sentence: Option<String>| {
            made.extend(sentence.map(|sentence| SyntheticClaim::right(kind, language, own, sentence)));
        };
        push("number's form", rewrite_number(own, language));
        push("lead taken away", drop_lead(own));
        push("order", move_adverbial(own));
        let (vi, en) = MODEL_LEADS[self.random_below(MODEL_LEADS.len())];
        push(
            "lead put in",
            Some(format!("{}{}", if language == Language::Vi { vi } else { en }, self.decapitalise(own))),
        );
        push("price", rephrase_price(own));
        if let Some((before, sentence)) = self.with_pronoun(at, own, language) {
            made.push(SyntheticClaim {
                before: vec![before],
                ..SyntheticClaim::right("pronoun", language, own, sentence)
            });
        }
    }

    /// Starts a text with a lowercase letter, unless it starts with a name.
    fn decapitalise(&self, own: &str) -> String {
        let found = words(own);
        if self.names.find_in(&found).first().is_some_and(|name| name.start == 0) {
            own.into()
        } else {
            decapitalise(own)
        }
    }

    /// Replaces the leading name by a pronoun; returns a preceding sentence that starts with the name, and the new
    /// sentence.
    fn with_pronoun(&self, at: usize, own: &str, language: Language) -> Option<(String, String)> {
        let found = words(own);
        let name = self.names.find_in(&found).into_iter().next().filter(|name| name.start == 0)?;
        let name = &own[..found[name.end - 1].range.end];
        let verb = found.iter().find(|word| word.range.start > name.len())?;
        if !matches!(verb.low.as_str(), "is" | "was" | "has" | "can" | "là" | "được" | "có") {
            return None;
        }
        let passage = self.passage_set.segments[at].passage;
        let other = self.passage_set.segments.iter().enumerate().find(|(other, segment)| {
            *other != at
                && segment.passage == passage
                && segment.row.is_none()
                && segment.text.starts_with(&format!("{name} "))
        })?;
        let pronoun = if language == Language::Vi { "Nó" } else { "It" };
        Some((other.1.text.to_string(), format!("{pronoun}{}", &own[name.len()..])))
    }
}

/// Writes a number in another form.
fn rewrite_number(own: &str, language: Language) -> Option<String> {
    let found = words(own);
    let vietnamese = language == Language::Vi;
    for (at, word) in found.iter().enumerate() {
        let next = found.get(at + 1).filter(|next| !next.parted);
        let rewritten = rewrite_amount(word, vietnamese)
            .or_else(|| {
                let next = next.filter(|next| COUNTED_UNITS.contains(&next.low.as_str()))?;
                // "Năm 2 tháng" and dates keep their digits.
                let dated = own.contains("ngày") && matches!(next.low.as_str(), "tháng");
                let (_, en, vi) =
                    NUMBER_WORDS.iter().find(|(digits, _, _)| *digits == word.text && !dated)?;
                Some(if vietnamese { vi } else { en }.to_string())
            })
            .or_else(|| {
                let percent = word.text.strip_suffix('%').filter(|number| is_number(number))?;
                Some(format!("{percent} {}", if vietnamese { "phần trăm" } else { "percent" }))
            })
            .or_else(|| drop_separators(word.text));
        if let Some(rewritten) = rewritten {
            return Some(replace_range(own, &word.range, &rewritten));
        }
    }
    None
}

/// `2.950.000đ` as `2,950,000 VND`, and the other way round.
fn rewrite_amount(word: &SentenceWord<'_>, vietnamese: bool) -> Option<String> {
    let number = word.text.strip_suffix(['đ', '₫']).filter(|number| is_number(number))?;
    let plain = number.replace('.', "");
    Some(if vietnamese {
        format!("{} VND", group_digits(&plain, ','))
    } else {
        format!("{} đồng", group_digits(&plain, '.'))
    })
}

fn group_digits(digits: &str, mark: char) -> String {
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(mark);
        }
        out.push(digit);
    }
    out
}

/// `12,500` as `12500`; years and other numbers are unchanged.
fn drop_separators(word: &str) -> Option<String> {
    let (whole, rest) = word.split_once([',', '.'])?;
    let of_three =
        rest.split([',', '.']).all(|group| group.len() == 3 && group.bytes().all(|b| b.is_ascii_digit()));
    let plain = format!("{whole}{}", rest.replace([',', '.'], ""));
    (is_number(word) && of_three && (1..=3).contains(&whole.len()) && whole != "0" && !is_year(&plain))
        .then_some(plain)
}

fn drop_lead(own: &str) -> Option<String> {
    let (lead, rest) = own.split_once([',', ':'])?;
    let rest = rest.strip_prefix(' ')?;
    DROPPABLE_LEADS.contains(&lead.to_lowercase().as_str()).then(|| capitalise(rest))
}

/// "If it rains, we close." as "We close if it rains."
fn move_adverbial(own: &str) -> Option<String> {
    let found = words(own);
    let first = found.first()?;
    let end = own.strip_suffix('.')?;
    let (lead, rest) = end.split_once(", ")?;
    let one = lead.split_whitespace().count() <= 12 && !rest.contains([',', ';', ':', '(', '"', '“']);
    // A pronoun cannot precede what it refers to.
    let points = rest.split_whitespace().take(3).any(|word| {
        matches!(
            word.to_lowercase().as_str(),
            "but"
                | "and"
                | "or"
                | "nhưng"
                | "và"
                | "it"
                | "they"
                | "he"
                | "she"
                | "then"
                | "thì"
                | "nó"
                | "họ"
                | "this"
        )
    });
    let fits = MOVABLE_OPENERS.contains(&first.low.as_str()) && !points && !lead.contains(['(', ':', '"']);
    (one && fits && rest.split_whitespace().count() > 3).then(|| {
        let name = rest.split_whitespace().nth(1).is_some_and(|word| word.starts_with(char::is_uppercase));
        let small_lead = decapitalise(lead);
        format!("{} {small_lead}.", if name { rest.to_string() } else { capitalise(rest) })
    })
}

/// "X costs Y" as "The price of X is Y", in both languages.
fn rephrase_price(own: &str) -> Option<String> {
    let end = own.strip_suffix('.').unwrap_or(own);
    if own.split_whitespace().count() > 14 || end.contains([',', ';', ':']) {
        return None;
    }
    let low = |text: &str| decapitalise(text);
    if has_vietnamese_marks(own) {
        let (subject, value) = end.split_once(" có giá ").or_else(|| end.split_once(" giá "))?;
        let amount = value.starts_with(|c: char| c.is_ascii_digit());
        return (amount && !subject.is_empty()).then(|| format!("Giá của {} là {value}.", low(subject)));
    }
    let (subject, value) = end.split_once(" costs ").or_else(|| end.split_once(" cost "))?;
    value
        .starts_with(|c: char| c.is_ascii_digit() || "$€".contains(c))
        .then(|| format!("The price of {} is {value}.", low(subject)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_rewritten() {
        assert_eq!(rewrite_number("Giá 2.950.000đ.", Language::Vi).unwrap(), "Giá 2,950,000 VND.");
        assert_eq!(rewrite_number("Kept for 7 days.", Language::En).unwrap(), "Kept for seven days.");
        assert_eq!(rewrite_number("Đạt 50%.", Language::Vi).unwrap(), "Đạt 50 phần trăm.");
        assert_eq!(drop_lead("However, it works.").unwrap(), "It works.");
        assert_eq!(
            move_adverbial("If it rains, the shop is closed.").unwrap(),
            "The shop is closed if it rains."
        );
        assert_eq!(rephrase_price("The Pro plan costs $5.").unwrap(), "The price of the Pro plan is $5.");
        assert_eq!(rephrase_price("Gói Pro có giá 50.000đ.").unwrap(), "Giá của gói Pro là 50.000đ.");
    }
}

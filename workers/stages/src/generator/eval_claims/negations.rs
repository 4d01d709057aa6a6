//! Generates false claims by flipping a negation or a condition.

use hoidap_shared::text::Language;

use super::tokens::{SentenceWord, replace_range, words};

/// Verbs and their negated forms, in lower case.
const AFFIRMATIVE_FORMS: [(&str, &str); 18] = [
    ("is", "is not"),
    ("are", "are not"),
    ("was", "was not"),
    ("were", "were not"),
    ("can", "cannot"),
    ("will", "will not"),
    ("must", "must not"),
    ("should", "should not"),
    ("may", "may not"),
    ("được", "không được"),
    ("có", "không có"),
    ("là", "không phải là"),
    ("bị", "không bị"),
    ("sẽ", "sẽ không"),
    ("cần", "không cần"),
    ("nằm", "không nằm"),
    ("thuộc", "không thuộc"),
    ("gồm", "không gồm"),
];
/// Negated forms and what is left without the negation.
const NEGATED_FORMS: [(&str, &str); 20] = [
    ("is not", "is"),
    ("are not", "are"),
    ("was not", "was"),
    ("were not", "were"),
    ("cannot", "can"),
    ("can not", "can"),
    ("could not", "could"),
    ("will not", "will"),
    ("must not", "must"),
    ("should not", "should"),
    ("may not", "may"),
    ("does not", "does"),
    ("do not", "do"),
    ("did not", "did"),
    ("has not", "has"),
    ("have not", "have"),
    ("never", "always"),
    ("không", ""),
    ("chưa", "đã"),
    ("isn't", "is"),
];
/// Words next to "không" with which it is not a negation.
const NON_NEGATING_NEIGHBOURS: [&str; 11] =
    ["gian", "khí", "quân", "chỉ", "quá", "phận", "dây", "những", "hay", "lưu", "tầm"];
/// Conditions and their opposites.
const CONDITIONS: [(&str, &str); 32] = [
    ("if", "unless"),
    ("unless", "if"),
    ("before", "after"),
    ("after", "before"),
    ("until", "from"),
    ("at least", "at most"),
    ("at most", "at least"),
    ("more than", "less than"),
    ("less than", "more than"),
    ("up to", "at least"),
    ("with", "without"),
    ("without", "with"),
    ("minimum", "maximum"),
    ("maximum", "minimum"),
    ("always", "never"),
    ("above", "below"),
    ("below", "above"),
    ("first", "last"),
    ("nếu", "trừ khi"),
    ("trừ khi", "nếu"),
    ("trước khi", "sau khi"),
    ("sau khi", "trước khi"),
    ("trước ngày", "sau ngày"),
    ("sau ngày", "trước ngày"),
    ("trước năm", "sau năm"),
    ("sau năm", "trước năm"),
    ("tối đa", "tối thiểu"),
    ("tối thiểu", "tối đa"),
    ("ít nhất", "nhiều nhất"),
    ("luôn", "không bao giờ"),
    ("đầu tiên", "cuối cùng"),
    ("kể từ", "cho đến"),
];
/// Words before "if" with which it is not a condition.
const NON_CONDITION_BEFORE_IF: [&str; 12] =
    ["as", "even", "see", "check", "ask", "asks", "determine", "test", "tests", "only", "whether", "specify"];

fn find_phrase(low: &[&str], phrase: &str) -> Vec<(usize, usize)> {
    let phrase: Vec<&str> = phrase.split(' ').collect();
    (0..low.len())
        .filter(|&at| low.get(at..at + phrase.len()) == Some(&phrase[..]))
        .map(|at| (at, at + phrase.len()))
        .collect()
}

fn replace_words(text: &str, words: &[SentenceWord<'_>], (from, to): (usize, usize), new: &str) -> String {
    let range = words[from].range.start..words[to - 1].range.end;
    let capital = words[from].text.starts_with(char::is_uppercase);
    let new = if capital { super::tokens::capitalise(new) } else { new.to_string() };
    let made = replace_range(text, &range, &new);
    made.split("  ").collect::<Vec<_>>().join(" ").trim_start().to_string()
}

/// Flips the negation of the first verb that allows it; returns how, with the new sentence.
pub(super) fn flip_negation(text: &str, language: Language) -> Option<(&'static str, String)> {
    let found = words(text);
    let low: Vec<&str> = found.iter().map(|word| word.low.as_str()).collect();
    let of_language = |phrase: &str| phrase.is_ascii() == (language == Language::En);
    for (denied, affirmed) in
        NEGATED_FORMS.iter().filter(|(denied, _)| of_language(denied) || *denied == "không")
    {
        if let Some(&(from, to)) = find_phrase(&low, denied).first() {
            let beside = |at: Option<usize>| at.and_then(|at| low.get(at)).copied().unwrap_or_default();
            let (before, after) = (beside(from.checked_sub(1)), beside(Some(to)));
            if NON_NEGATING_NEIGHBOURS.contains(&after)
                || NON_NEGATING_NEIGHBOURS.contains(&before)
                || after == "only"
            {
                return None;
            }
            // What is left must be a valid affirmative sentence.
            let affirmed =
                if *denied == "không" && matches!(after, "phải" | "có") { "" } else { affirmed };
            return Some((
                "denial taken away",
                keep_capital(text, replace_words(text, &found, (from, to), affirmed)),
            ));
        }
    }
    let denies = low.iter().any(|word| {
        matches!(*word, "no" | "not" | "none" | "nor" | "without" | "neither" | "không" | "chưa" | "chẳng")
            || word.ends_with("n't")
    });
    if denies {
        return None;
    }
    let first = AFFIRMATIVE_FORMS
        .iter()
        .filter(|(verb, _)| of_language(verb) || (language == Language::Vi && matches!(*verb, "có" | "là")))
        .filter_map(|(verb, denied)| Some((*find_phrase(&low, verb).first()?, denied)))
        .filter(|((from, _), _)| *from > 0)
        .min_by_key(|((from, _), _)| *from)?;
    Some(("denial put in", replace_words(text, &found, first.0, first.1)))
}

fn keep_capital(before: &str, text: String) -> String {
    if before.starts_with(char::is_uppercase) { super::tokens::capitalise(&text) } else { text }
}

/// The sentences with one condition flipped.
pub(super) fn flip_conditions(text: &str) -> Vec<String> {
    let found = words(text);
    let low: Vec<&str> = found.iter().map(|word| word.low.as_str()).collect();
    let mut made = Vec::new();
    for (said, other) in CONDITIONS {
        for (from, to) in find_phrase(&low, said).into_iter().take(1) {
            let before = from.checked_sub(1).map_or("", |at| low[at]);
            let after = low.get(to).copied().unwrap_or_default();
            let digit = after.starts_with(|c: char| c.is_ascii_digit());
            let sets = match said {
                "if" => !NON_CONDITION_BEFORE_IF.contains(&before),
                "until" | "up to" => digit,
                "with" => after == "a" || after == "an" || from == 0,
                "above" | "below" | "more than" | "less than" => digit,
                "first" | "after" | "before" => !before.is_empty() && !after.is_empty() && before != "at",
                "nếu" => !matches!(before, "ngay" | "xem" | "cả"),
                _ => true,
            };
            if sets {
                made.push(replace_words(text, &found, (from, to), other));
            }
        }
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_turned_round() {
        let turn = |text: &str, language| flip_negation(text, language).map(|(_, text)| text);
        assert_eq!(turn("Hàng được đổi.", Language::Vi).unwrap(), "Hàng không được đổi.");
        assert_eq!(turn("Hàng không được đổi.", Language::Vi).unwrap(), "Hàng được đổi.");
        assert_eq!(turn("You cannot pay later.", Language::En).unwrap(), "You can pay later.");
        assert_eq!(turn("Cards are accepted.", Language::En).unwrap(), "Cards are not accepted.");
        assert_eq!(turn("Không gian làm việc.", Language::Vi), None);
    }

    #[test]
    fn a_condition_is_turned_round() {
        assert_eq!(flip_conditions("Pay before you leave."), ["Pay after you leave."]);
        assert_eq!(flip_conditions("Nếu mất mạng, ghi sau."), ["Trừ khi mất mạng, ghi sau."]);
        assert!(flip_conditions("Check if it works.").is_empty());
    }
}

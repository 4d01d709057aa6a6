//! Detects superlatives, comparatives, and words such as "only" and "all".

use crate::generator::text::negation::split_words;

/// What a superlative compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ComparedMeasure {
    /// Money.
    Price,
    /// Speed: little time, or much per time.
    Speed,
    /// Weight.
    Weight,
    /// Duration or distance.
    Length,
    /// An amount; the surrounding words say of what.
    Amount,
    /// Something without a number, as in "the best".
    Subjective,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Superlative {
    pub(crate) measure: ComparedMeasure,
    /// Whether it means the highest value.
    pub(crate) is_maximum: bool,
    pub(crate) words: String,
}

use ComparedMeasure::{Amount, Length, Price, Speed, Subjective, Weight};

/// Vietnamese adjectives before "nhất".
const VIETNAMESE_ADJECTIVES: [(&str, ComparedMeasure, bool); 35] = [
    ("rẻ", Price, false),
    ("đắt", Price, true),
    ("mắc", Price, true),
    ("nhanh", Speed, true),
    ("chậm", Speed, false),
    ("nặng", Weight, true),
    ("nhẹ", Weight, false),
    ("dài", Length, true),
    ("lâu", Length, true),
    ("xa", Length, true),
    ("ngắn", Length, false),
    ("gần", Length, false),
    ("sớm", Length, false),
    ("muộn", Length, true),
    ("lớn", Amount, true),
    ("to", Amount, true),
    ("cao", Amount, true),
    ("nhiều", Amount, true),
    ("rộng", Amount, true),
    ("mạnh", Amount, true),
    ("khoẻ", Amount, true),
    ("khỏe", Amount, true),
    ("sâu", Amount, true),
    ("dày", Amount, true),
    ("đông", Amount, true),
    ("nhỏ", Amount, false),
    ("bé", Amount, false),
    ("thấp", Amount, false),
    ("ít", Amount, false),
    ("hẹp", Amount, false),
    ("yếu", Amount, false),
    ("mỏng", Amount, false),
    ("re", Price, false),
    ("dat", Price, true),
    ("lon", Amount, true),
];
/// Words before "nhất" with which it is not a superlative.
const NON_SUPERLATIVE_BEFORE_NHAT: [&str; 6] = ["thứ", "duy", "thống", "hợp", "đồng", "quán"];

const ENGLISH_SUPERLATIVES: [(&str, ComparedMeasure, bool); 46] = [
    ("cheapest", Price, false),
    ("least expensive", Price, false),
    ("most affordable", Price, false),
    ("lowest price", Price, false),
    ("lowest priced", Price, false),
    ("costs the least", Price, false),
    ("cost the least", Price, false),
    ("most expensive", Price, true),
    ("priciest", Price, true),
    ("dearest", Price, true),
    ("costliest", Price, true),
    ("highest price", Price, true),
    ("costs the most", Price, true),
    ("cost the most", Price, true),
    ("fastest", Speed, true),
    ("quickest", Speed, true),
    ("slowest", Speed, false),
    ("heaviest", Weight, true),
    ("lightest", Weight, false),
    ("longest", Length, true),
    ("shortest", Length, false),
    ("earliest", Length, false),
    ("largest", Amount, true),
    ("biggest", Amount, true),
    ("greatest", Amount, true),
    ("highest", Amount, true),
    ("strongest", Amount, true),
    ("widest", Amount, true),
    ("tallest", Amount, true),
    ("deepest", Amount, true),
    ("the most", Amount, true),
    ("smallest", Amount, false),
    ("lowest", Amount, false),
    ("fewest", Amount, false),
    ("weakest", Amount, false),
    ("narrowest", Amount, false),
    ("the least", Amount, false),
    ("best", Subjective, true),
    ("worst", Subjective, false),
    ("newest", Subjective, true),
    ("oldest", Subjective, false),
    ("easiest", Subjective, true),
    ("safest", Subjective, true),
    ("most popular", Subjective, true),
    ("most powerful", Subjective, true),
    ("most suitable", Subjective, true),
];

/// The superlative of a lowercase text, if any.
pub(crate) fn find_superlative(low: &str) -> Option<Superlative> {
    let words: Vec<&str> = split_words(low).collect();
    let digit = |i: usize| words.get(i).is_some_and(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    let text = format!(" {} ", words.join(" "));
    for i in 1..words.len() {
        let known = VIETNAMESE_ADJECTIVES.iter().find(|(word, _, _)| *word == words[i - 1]);
        let plain = words[i] == "nhat" && known.is_some();
        if !(words[i] == "nhất" || plain)
            || NON_SUPERLATIVE_BEFORE_NHAT.contains(&words[i - 1])
            || digit(i + 1)
        {
            continue;
        }
        let (by, most) = known.map_or((Subjective, true), |(_, by, most)| (*by, *most));
        // "Giá cao nhất" is about the price.
        let price = by == Amount && i >= 2 && matches!(words[i - 2], "giá" | "phí" | "tiền" | "gia" | "phi");
        let by = if price { Price } else { by };
        return Some(Superlative { measure: by, is_maximum: most, words: words[i - 1..=i].join(" ") });
    }
    let found = ENGLISH_SUPERLATIVES.iter().find(|(phrase, _, _)| text.contains(&format!(" {phrase} ")));
    found.map(|(phrase, by, most)| Superlative { measure: *by, is_maximum: *most, words: (*phrase).into() })
}

/// Whether a lowercase text compares two things; a limit such as "hơn 5" does not.
pub(crate) fn is_comparative(low: &str) -> bool {
    let words: Vec<&str> = split_words(low).collect();
    words.iter().enumerate().any(|(i, word)| {
        let next = words.get(i + 1).copied().unwrap_or_default();
        let before = i.checked_sub(1).map_or("", |i| words[i]);
        let limit = next.starts_with(|c: char| c.is_ascii_digit());
        match *word {
            "hơn" => !limit && !matches!(next, "nữa" | "hết") && !matches!(before, "không" | "nhiều"),
            "than" => {
                !limit
                    && !matches!(before, "other" | "rather" | "later" | "sooner" | "more" | "less" | "longer")
            }
            _ => false,
        }
    })
}

/// Whether a lowercase text says that something holds exclusively.
pub(crate) fn is_exclusive(low: &str) -> bool {
    const NON_EXCLUSIVE_NEXT_WORDS: [&str; 24] = [
        "cần", "việc", "mất", "phải", "với", "từ", "tốn", "khoảng", "tiêu", "số", "định", "dẫn", "là", "thị",
        "need", "needs", "have", "has", "takes", "take", "costs", "cost", "a", "want",
    ];
    let words: Vec<&str> = split_words(low).collect();
    words.iter().enumerate().any(|(i, word)| {
        let next = words.get(i + 1).copied().unwrap_or_default();
        let before = i.checked_sub(1).map_or("", |i| words[i]);
        match *word {
            "only" => {
                before != "not"
                    && !NON_EXCLUSIVE_NEXT_WORDS.contains(&next)
                    && !next.starts_with(|c: char| c.is_ascii_digit())
            }
            "chỉ" => {
                !matches!(before, "không" | "địa")
                    && !NON_EXCLUSIVE_NEXT_WORDS.contains(&next)
                    && !next.starts_with(|c: char| c.is_ascii_digit())
            }
            "nhất" => before == "duy",
            _ => false,
        }
    })
}

/// Whether a lowercase text says that something holds for all.
pub(crate) fn is_universal(low: &str) -> bool {
    const UNIVERSAL_WORDS: [&str; 11] =
        ["tất cả", "mọi", "toàn bộ", "đều", "tat ca", "all", "every", "each", "any", "both", "cả hai"];
    let text = format!(" {} ", split_words(low).collect::<Vec<_>>().join(" "));
    UNIVERSAL_WORDS.iter().any(|phrase| text.contains(&format!(" {phrase} ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn superlatives_are_seen_and_their_lookalikes_not() {
        let seen = |text: &str| find_superlative(text).map(|degree| (degree.measure, degree.is_maximum));
        assert_eq!(seen("máy nào rẻ nhất"), Some((Price, false)));
        assert_eq!(seen("giá cao nhất là bao nhiêu"), Some((Price, true)));
        assert_eq!(seen("which plan has the largest storage"), Some((Amount, true)));
        assert_eq!(seen("the least expensive one"), Some((Price, false)));
        assert_eq!(seen("máy tốt nhất"), Some((Subjective, true)));
        for text in [
            "ít nhất 5 lần",
            "mở cửa chủ nhật",
            "cập nhật",
            "thứ nhất",
            "duy nhất",
            "at least 5",
            "request a guest",
        ] {
            assert_eq!(seen(text), None, "{text}");
        }
    }

    #[test]
    fn comparing_and_excluding_are_seen() {
        assert!(
            is_comparative("s2 rẻ hơn s1")
                && is_comparative("cheaper than s1")
                && !is_comparative("hơn 5 năm")
        );
        assert!(
            is_exclusive("chỉ gói pro có")
                && is_exclusive("only pro records")
                && is_exclusive("máy duy nhất")
        );
        assert!(
            !is_exclusive("bạn chỉ cần bấm") && !is_exclusive("chỉ 5 phút") && !is_exclusive("not only here")
        );
    }
}

//! Recognises sentences that refer back to the one before them.

/// Most words before the preposition, and from it to the demonstrative of its phrase.
const MAX_WORDS_TO_PREPOSITION: usize = 2;
const MAX_WORDS_TO_DEMONSTRATIVE: usize = 3;

/// Whether a sentence says only with the one before it what it is about: "After that there is no refund", "Sau thời hạn này …",
/// "Otherwise …".
pub(crate) fn continues_previous(text: &str) -> bool {
    const PREPOSITIONS: [&str; 10] =
        ["after", "before", "from", "until", "sau", "trước", "quá", "ngoài", "từ", "khi"];
    const DEMONSTRATIVES: [&str; 7] = ["that", "this", "these", "those", "này", "đó", "ấy"];
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower
        .split_whitespace()
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()))
        .take(MAX_WORDS_TO_PREPOSITION + MAX_WORDS_TO_DEMONSTRATIVE + 1)
        .collect();
    let otherwise =
        matches!(words.first(), Some(&("otherwise" | "afterwards"))) || lower.starts_with("nếu không,");
    let points_back = |at: usize| {
        let behind = words[at + 1..].iter().take(MAX_WORDS_TO_DEMONSTRATIVE);
        PREPOSITIONS.contains(&words[at]) && behind.into_iter().any(|word| DEMONSTRATIVES.contains(word))
    };
    otherwise || (0..words.len().min(MAX_WORDS_TO_PREPOSITION + 1)).any(points_back)
}

/// Whether a sentence refers back to the one before it.
pub(crate) fn refers_back(text: &str) -> bool {
    const REFERRING_WORDS: [&str; 14] = [
        "it", "this", "that", "these", "those", "they", "its", "their", "nó", "này", "đó", "việc", "ngoài",
        "chúng",
    ];
    let mut words =
        text.split_whitespace().map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase());
    let first = words.next().unwrap_or_default();
    REFERRING_WORDS.contains(&first.as_str())
        || words.take(2).any(|word| matches!(word.as_str(), "này" | "đó" | "ấy"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_the_sentence_before_it_is_seen() {
        for text in [
            "After that there is no refund.",
            "Sau thời hạn này không hoàn tiền.",
            "Huỷ sau thời hạn này không hoàn tiền.",
            "Otherwise call us.",
        ] {
            assert!(continues_previous(text), "{text}");
        }
        for text in
            ["After two cancellations a deposit is due.", "Sau khi đăng nhập, bấm nút này.", "It is free."]
        {
            assert!(!continues_previous(text), "{text}");
        }
        assert!(refers_back("It is free.") && !refers_back("The trial is free."));
    }
}

//! Recognises sentences that refer back to the one before them.

/// Most words from a preposition to the demonstrative of its phrase.
const MAX_WORDS_TO_DEMONSTRATIVE: usize = 3;

/// Whether a sentence says only with the one before it what it is about: "After that there is no refund", "Sau thời hạn này …",
/// "Otherwise …".
pub(crate) fn continues_previous(text: &str) -> bool {
    const OPENERS: [&str; 10] =
        ["after", "before", "from", "until", "sau", "trước", "quá", "ngoài", "từ", "khi"];
    const DEMONSTRATIVES: [&str; 7] = ["that", "this", "these", "those", "này", "đó", "ấy"];
    let lower = text.to_lowercase();
    let mut words = lower.split_whitespace().map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()));
    let first = words.next().unwrap_or_default();
    let otherwise = first == "otherwise" || first == "afterwards" || lower.starts_with("nếu không,");
    otherwise
        || OPENERS.contains(&first)
            && words.take(MAX_WORDS_TO_DEMONSTRATIVE).any(|word| DEMONSTRATIVES.contains(&word))
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
        for text in
            ["After that there is no refund.", "Sau thời hạn này không hoàn tiền.", "Otherwise call us."]
        {
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

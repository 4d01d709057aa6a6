//! Synonyms and antonyms, in both languages.

/// Synonyms: folded content terms (English ones stemmed) and pairs of syllables.
const SYNONYMS: [&[&str]; 15] = [
    &["gia", "phi", "price", "cost", "fee", "charg", "chi phi", "tien"],
    &["mua", "dat", "order", "buy", "purchas"],
    &["hoan", "hoan tien", "refund"],
    &["gui", "nop", "send", "submit"],
    &["bam", "nhan", "chon", "click", "press", "tap", "select", "choos"],
    &["xoa", "delet", "remov"],
    &["doi", "thay", "chang", "replac"],
    &["khach", "nguoi dung", "custom", "client", "user"],
    &["mo cua", "lam viec", "phuc vu", "hoat dong", "kham"],
    &["giao", "giao hang", "ship", "deliv", "deliveri", "shipment"],
    &["thoi han", "thoi gian", "bao lau", "durat", "long"],
    &["luu", "giu", "keep", "kept", "store", "retain"],
    &["dien thoai", "hotline", "phone", "tong dai"],
    &["last", "durat", "keo dai"],
    &["mail", "email", "e-mail"],
];

/// Pairs of antonyms, in lower case.
const ANTONYMS: [(&str, &str); 37] = [
    ("mở cửa", "đóng cửa"),
    ("bật", "tắt"),
    ("tăng", "giảm"),
    ("trước", "sau"),
    ("tối đa", "tối thiểu"),
    ("tối đa", "ít nhất"),
    ("không quá", "ít nhất"),
    ("không quá", "tối thiểu"),
    ("trên", "dưới"),
    ("hơn", "dưới"),
    ("hơn", "không quá"),
    ("hơn", "tối đa"),
    ("miễn phí", "mất phí"),
    ("miễn phí", "tính phí"),
    ("miễn phí", "thu phí"),
    ("miễn phí", "có phí"),
    ("cho phép", "cấm"),
    ("đầu tiên", "cuối cùng"),
    ("bắt buộc", "tùy chọn"),
    ("bắt buộc", "tuỳ chọn"),
    ("tự động", "thủ công"),
    ("open", "closed"),
    ("opens", "closes"),
    ("enable", "disable"),
    ("enabled", "disabled"),
    ("increases", "decreases"),
    ("before", "after"),
    ("maximum", "minimum"),
    ("at most", "at least"),
    ("up to", "at least"),
    ("more than", "up to"),
    ("more than", "less than"),
    ("over", "under"),
    ("above", "below"),
    ("free", "paid"),
    ("required", "optional"),
    ("first", "last"),
];

const FREE_WORDS: [&str; 2] = ["miễn phí", "free"];
const PRICE_WORDS: [&str; 12] =
    ["phí", "giá", "tiền", "fee", "fees", "cost", "costs", "price", "charge", "charged", "pay", "pays"];

/// Whether a set contains a term or a synonym.
pub(crate) fn has_synonym(has: impl Fn(&str) -> bool, term: &str) -> bool {
    has(term)
        || SYNONYMS
            .iter()
            .filter(|words| words.contains(&term))
            .any(|words| words.iter().any(|word| has(word)))
}

/// Whether a lowercase claim contains an antonym of a word in the fact, unless the fact contains both.
pub(crate) fn has_antonym(claim: &str, fact: &str) -> bool {
    let spaced = |text: &str| {
        let lower = text.to_lowercase();
        format!(" {} ", super::negation::split_words(&lower).collect::<Vec<_>>().join(" "))
    };
    let canonical = |text: &str| spaced(&super::negation::canonical_form(text));
    let (claim, fact) = (canonical(claim), canonical(fact));
    let says = |text: &str, phrase: &str| text.contains(&format!(" {phrase} "));
    let one_way = |a: &str, b: &str| says(&claim, a) && !says(&claim, b) && says(&fact, b) && !says(&fact, a);
    let any = |text: &str, words: &[&str]| words.iter().any(|word| says(text, word));
    // "Free" is an antonym of any price.
    let free = any(&claim, &FREE_WORDS)
        && !any(&fact, &FREE_WORDS)
        && !says(&fact, "0đ")
        && any(&fact, &PRICE_WORDS);
    // So is a price of "free", where the fact names none.
    let other_words = FREE_WORDS.iter().fold(fact.clone(), |text, word| text.replace(word, ""));
    let paid = any(&fact, &FREE_WORDS)
        && !any(&claim, &FREE_WORDS)
        && !says(&claim, "0đ")
        && any(&claim, &PRICE_WORDS)
        && !any(&other_words, &PRICE_WORDS);
    free || paid || ANTONYMS.iter().any(|(a, b)| one_way(a, b) || one_way(b, a))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_one_meaning_stand_for_each_other() {
        assert!(has_synonym(|word| word == "price", "cost") && !has_synonym(|word| word == "price", "valv"));
    }

    #[test]
    fn opposites_are_seen_where_the_fact_says_only_one() {
        assert!(has_antonym("đóng cửa lúc 8 giờ", "Mở cửa lúc 8 giờ."));
        assert!(!has_antonym("mở cửa lúc 8 giờ", "Mở cửa lúc 8 giờ, đóng cửa lúc 20 giờ."));
        assert!(has_antonym("giao sau 20 giờ", "Giao trước 20 giờ."));
        assert!(has_antonym("rời đi có mất tiền", "Không thu phí."));
        assert!(has_antonym("leaving has a fee", "There is no charge."));
        assert!(!has_antonym("rời đi không mất tiền", "Không thu phí."));
        assert!(!has_antonym("phí là 5 đồng", "Gói nhỏ miễn phí, gói lớn có phí 5 đồng."));
    }
}

//! Rewrites follow-ups to standalone questions, by rules.

use hoidap_shared::{
    config::ProductConfig,
    job::{Sender, Turn},
    text::{Language, fold, has_vietnamese_marks, is_syllable},
};

use unicode_segmentation::UnicodeSegmentation as _;

use super::{
    Interpretation, TextModel,
    follow_up_markers::{FollowUpLikelihood, adds_nothing, follow_up_likelihood, without_lead_in},
    identifiers::{self, IdentifierKind},
};
use crate::vietnamese::tone_marks::{begin_differently, matches_typed};

/// How many user turns back the subject is searched.
const MAX_LOOK_BACK_TURNS: usize = 6;

/// Words of the previous answer that are searched with a follow-up; its beginning names its subject.
const MAX_ANSWER_WORDS: usize = 40;

/// A follow-up, rewritten with its context.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RewrittenFollowUp {
    /// The last standalone question, followed by the new one, unless what that names has taken its place in the former, and it
    /// says no more.
    pub(super) text: String,
    /// The same with the previous answer between them, which uses the documents' words. It is only searched. `None` when the
    /// follow-up asks about another item of the same kind.
    pub(super) with_answer: Option<String>,
    /// The previous question, if it is in another language than the follow-up. Then `text` must not be searched, since it mixes
    /// two languages.
    pub(super) other_language_question: Option<String>,
    /// Whether it names a sibling from the site's tables.
    pub(super) names_sibling: bool,
    /// The previous question, with the new one's product, code or sibling in place.
    pub(super) previous_question: String,
}

/// Joins a follow-up to the last standalone question of the history (oldest first); `None` when there is none. Another
/// product, code or sibling in the follow-up replaces the one in that question.
pub(super) fn rewrite(
    interpretation: &Interpretation,
    new: &str,
    history: &[Turn],
    products: &[ProductConfig],
    text: &TextModel,
    hint: Option<Language>,
) -> Option<RewrittenFollowUp> {
    let questions = history.iter().rev().filter(|turn| turn.sender == Sender::User).take(MAX_LOOK_BACK_TURNS);
    // Small talk is no context.
    let mut earlier = questions
        .map(|turn| text.interpret(&turn.content, hint))
        .filter(|turn| text.non_question(turn).is_none());
    let mut subject = earlier.next()?;
    // A chain of follow-ups leads back to the question that started it.
    let mut between = None;
    while follow_up_likelihood(&subject, subject.meaning()) == FollowUpLikelihood::Certain {
        let Some(before) = earlier.next() else { break };
        between.get_or_insert(std::mem::replace(&mut subject, before));
    }
    let language = interpretation.language;
    let new = without_lead_in(new, language);
    let mut old = subject.meaning().to_string();
    let mut answer = history.iter().rev().find(|turn| turn.sender == Sender::Assistant);
    let (mut names_sibling, mut replaced) = (false, false);
    for find_replacement in [product_replacement, code_replacement] {
        if let Some((in_old, in_new)) = find_replacement(&old, new, products, language) {
            old.replace_range(in_old, &new[in_new]);
            replaced = true;
        }
    }
    let sibling = text.siblings.find_replacement(&old, new);
    if let Some((in_old, in_new)) = sibling.clone().or_else(|| kind_replacement(&old, new, language)) {
        names_sibling = sibling.is_some();
        old.replace_range(in_old, &new[in_new]);
        replaced = true;
    }
    if replaced {
        (between, answer) = (None, None);
    }
    let answer = answer
        .map(|turn| turn.content.split_whitespace().take(MAX_ANSWER_WORDS).collect::<Vec<_>>().join(" "));
    let with_answer =
        answer.filter(|answer| answer.contains(' ')).map(|answer| format!("{old} {answer} {new}"));
    let other_language_question = (subject.language != language).then(|| old.clone());
    let previous_question = old.clone();
    let says_more = !replaced || !adds_nothing(new, &old);
    let mut parts = vec![old];
    parts.extend(between.map(|turn| without_lead_in(turn.meaning(), turn.language).to_string()));
    parts.extend(says_more.then(|| new.to_string()));
    Some(RewrittenFollowUp {
        text: parts.join(" "),
        with_answer,
        other_language_question,
        names_sibling,
        previous_question,
    })
}

type Range = std::ops::Range<usize>;

/// The ranges of two different products in the old and the new text.
fn product_replacement(
    old: &str,
    new: &str,
    products: &[ProductConfig],
    _: Language,
) -> Option<(Range, Range)> {
    let in_old = products.iter().find_map(|product| find_product_mention(old, product))?;
    let in_new = products.iter().find_map(|product| find_product_mention(new, product))?;
    (fold(&old[in_old.clone()]) != fold(&new[in_new.clone()])).then_some((in_old, in_new))
}

/// The ranges of two different codes in the old and the new text.
fn code_replacement(old: &str, new: &str, _: &[ProductConfig], _: Language) -> Option<(Range, Range)> {
    let (in_old, in_new) = (identifiers::find_identifiers(old), identifiers::find_identifiers(new));
    let (before, after) = (in_old.first()?, in_new.first()?);
    let alike = before.kind == after.kind || (before.is_code() && after.is_code());
    let another = before.key != after.key && alike && before.kind != IdentifierKind::Spaced;
    another.then(|| (before.range.clone(), after.range.clone()))
}

/// The ranges of two different names after the same word in the old and the new text: "gói Free", "gói Business".
fn kind_replacement(old: &str, new: &str, language: Language) -> Option<(Range, Range)> {
    let (before, after): (Vec<_>, Vec<_>) =
        (old.unicode_word_indices().collect(), new.unicode_word_indices().collect());
    after.iter().enumerate().find_map(|(at, (_, kind))| {
        let in_new = leading_name(&after[at + 1..], language)?;
        let same = |(_, word): &&(usize, &str)| fold(word) == fold(kind);
        let index = before.iter().position(|word| same(&word))?;
        let in_old = leading_name(&before[index + 1..], language)?;
        (fold(&old[in_old.clone()]) != fold(&new[in_new.clone()])).then_some((in_old, in_new))
    })
}

/// The range of the name at the beginning of some words: capitalised words, or in a Vietnamese sentence one that is not a
/// Vietnamese syllable.
fn leading_name(words: &[(usize, &str)], language: Language) -> Option<Range> {
    let capital = |word: &&(usize, &str)| word.1.starts_with(char::is_uppercase);
    let run = words.iter().take_while(capital).last();
    let foreign = || words.first().filter(|(_, word)| language == Language::Vi && is_foreign(word));
    let (last, word) = run.or_else(foreign)?;
    Some(words[0].0..last + word.len())
}

fn is_foreign(word: &str) -> bool {
    word.chars().all(char::is_alphabetic) && !is_syllable(&fold(word))
}

/// The byte range where a text names a product. Case does not matter; diacritics matter only if they were typed.
pub(super) fn find_product_mention(text: &str, product: &ProductConfig) -> Option<Range> {
    let words: Vec<(usize, &str)> = text.unicode_word_indices().collect();
    let mut names: Vec<Vec<&str>> = std::iter::once(&product.name)
        .chain(&product.aliases)
        .map(|name| name.unicode_words().collect())
        .collect();
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    names.iter().filter(|name| !name.is_empty()).find_map(|name| {
        let found = words
            .windows(name.len())
            .find(|window| matches_name(window.iter().map(|(_, word)| *word), name))?;
        let (last, word) = found[found.len() - 1];
        Some(found[0].0..last + word.len())
    })
}

/// Whether typed words match a known name. A name of several words that the site writes without diacritics may be typed with
/// them.
pub fn matches_name<'a>(typed: impl Iterator<Item = &'a str>, name: &[&str]) -> bool {
    let mut words = typed.zip(name);
    words.all(|(typed, known)| {
        !begin_differently(typed, known)
            && (matches_typed(typed, known)
                || (name.len() > 1 && !has_vietnamese_marks(known) && fold(typed) == fold(known)))
    })
}

#[cfg(test)]
mod tests {
    use hoidap_shared::job::QueryKind;

    use super::{
        super::{UtteranceKind, WordCounts},
        *,
    };

    fn read(history: &[&str], question: &str) -> super::super::ResolvedMessage {
        let product = |id: &str, name: &str| ProductConfig {
            id: id.into(),
            name: name.into(),
            aliases: vec![],
            urls: vec![],
        };
        let products = [product("mail", "Diệc Mail"), product("drive", "Diệc Drive")];
        let turns: Vec<Turn> = history
            .iter()
            .enumerate()
            .map(|(i, text)| Turn {
                content: (*text).into(),
                sender: if i % 2 == 0 { Sender::User } else { Sender::Assistant },
            })
            .collect();
        TextModel::new(WordCounts::default()).resolve(question, None, &turns, &products)
    }

    fn rewrite(history: &[&str], question: &str) -> Option<String> {
        let reading = read(history, question);
        if reading.kind == UtteranceKind::Question {
            assert_eq!(reading.queries[0].weight, 1.0);
            assert!(
                reading.queries.iter().all(|query| query.kind != QueryKind::Rewritten || query.weight < 1.0)
            );
            return None;
        }
        let rewritten = reading.queries.iter().find(|query| query.kind == QueryKind::Rewritten);
        rewritten.map(|query| query.text.clone())
    }

    const HOURS: [&str; 2] = ["Cửa hàng Đà Nẵng mở cửa lúc mấy giờ?", "Từ 9 giờ đến 20 giờ."];

    #[test]
    fn a_pointer_gets_its_subject() {
        let rewritten =
            rewrite(&["How do I enable two-factor login?", "Open settings."], "and how do I turn it off?");
        assert_eq!(rewritten.unwrap(), "How do I enable two-factor login? how do I turn it off?");
    }

    #[test]
    fn another_product_takes_the_place_of_the_first() {
        let rewritten = rewrite(&["Diệc Mail giá bao nhiêu một tháng?", "…"], "thế còn Diệc Drive?");
        assert!(rewritten.unwrap().starts_with("Diệc Drive giá bao nhiêu một tháng?"));
    }

    #[test]
    fn another_code_takes_the_place_of_the_first() {
        let rewritten = rewrite(&["Lỗi KD-205 nghĩa là gì?", "…"], "thế còn KD-31?").unwrap();
        assert!(rewritten.starts_with("Lỗi KD-31 nghĩa là gì?") && !rewritten.contains("205"), "{rewritten}");
    }

    #[test]
    fn another_of_the_kind_takes_the_place_of_the_first() {
        for (before, now, expected) in [
            ("Thùng rác gói Free giữ mấy ngày?", "Thế gói Business?", "Thùng rác gói Business giữ mấy ngày?"),
            ("thung rac goi free giu may ngay", "goi pro thi sao", "thung rac goi pro giu may ngay"),
            ("Cửa hàng Đà Nẵng mở mấy giờ?", "Còn cửa hàng Cần Thơ?", "Cửa hàng Cần Thơ mở mấy giờ?"),
            ("Do you deliver in Hanoi?", "and in Hue?", "Do you deliver in Hue?"),
        ] {
            let rewritten = rewrite(&[before, "Có."], now).unwrap();
            assert_eq!(fold(&rewritten), fold(expected), "what says no more is not repeated");
        }
        let more = rewrite(&["Do you deliver in Hanoi?", "Yes."], "and in Hue on holidays?").unwrap();
        assert_eq!(more, "Do you deliver in Hue? in Hue on holidays?");
    }

    #[test]
    fn without_diacritics_too() {
        let rewritten =
            rewrite(&["Gói Pro có bao nhiêu dung lượng?", "100 GB"], "con ban free thi sao").unwrap();
        assert!(rewritten.contains("dung lượng") && rewritten.to_lowercase().contains("free"), "{rewritten}");
    }

    #[test]
    fn a_chain_leads_back_to_its_subject() {
        let history = ["How do I share a folder?", "…", "and with a password?", "…"];
        let rewritten = rewrite(&history, "can I remove it later?").unwrap();
        assert!(rewritten.contains("share a folder") && rewritten.contains("with a password"), "{rewritten}");
    }

    #[test]
    fn thanks_in_between_are_nothing_to_go_on_with() {
        let history = ["Gói Pro có bao nhiêu dung lượng?", "100 GB", "cảm ơn bạn", "…"];
        assert!(rewrite(&history, "thế còn gói Free?").unwrap().contains("dung lượng"));
        assert!(rewrite(&history, "Ok, còn gói Free thì sao?").unwrap().contains("dung lượng"));
    }

    #[test]
    fn the_answer_before_is_searched_with_a_follow_up() {
        let history = ["giữ dòng đầu đứng yên khi cuộn", "Vào Xem - Cố định hàng và cột (Freeze Rows)."];
        let reading = read(&history, "rồi muốn bỏ nó đi thì làm sao");
        assert!(!reading.meaning.contains("Cố định"), "{}", reading.meaning);
        let with_answer = reading.queries.iter().find(|query| query.text.contains("Cố định hàng")).unwrap();
        assert!(with_answer.text.ends_with("bỏ nó đi thì làm sao") && with_answer.weight < 1.0);
        let other = ["Lỗi KD-205 nghĩa là gì?", "Lỗi KD-205 là kẹt giấy."];
        assert!(read(&other, "thế còn KD-31?").queries.iter().all(|query| !query.text.contains("kẹt")));
    }

    #[test]
    fn what_stands_alone_stays() {
        for question in [
            "How do I change the language of my mailbox?",
            "Làm thế nào để khôi phục tệp đã xóa trong Diệc Drive?",
            "Thế nào là xác thực hai bước?",
        ] {
            assert_eq!(rewrite(&["Diệc Mail giá bao nhiêu?", "…"], question), None, "{question}");
        }
        assert_eq!(rewrite(&[], "and how do I turn it off?"), None);
    }

    #[test]
    fn typed_diacritics_tell_a_marker_from_another_word() {
        for question in [
            "Vay mua máy cần giấy tờ gì?",
            "Thẻ nội địa có trả góp được không?",
            "Con nhỏ mấy tuổi thì dùng được?",
            "Rơi vỡ có được bảo hành không?",
            "Nợ quá hạn bị phạt bao nhiêu?",
            "Cồn rửa tay bán ở đâu?",
            "Bạn đo chỉ số nước ở đâu?",
            "Còn bảo hành không?",
        ] {
            assert_eq!(rewrite(&HOURS, question), None, "{question}");
        }
        for question in
            ["Thế thứ bảy?", "Vậy Cần Thơ mở mấy giờ?", "Còn chủ nhật có mở không?", "nó ở đường nào?"]
        {
            assert!(rewrite(&HOURS, question).is_some(), "{question}");
        }
    }

    #[test]
    fn a_sentence_that_may_go_on_is_searched_both_ways() {
        let reading = read(&HOURS, "Khách nợ quá hạn thì sao?");
        assert_eq!(reading.kind, UtteranceKind::PossibleFollowUp);
        let weights: Vec<f32> = reading.queries.iter().map(|query| query.weight).collect();
        assert_eq!(weights, [1.0, 1.0, 0.9]);
        assert!(reading.contextual_meaning.contains("Đà Nẵng") && !reading.meaning.contains("Đà Nẵng"));
        let other_language_question = read(&["When are you open?", "From 9."], "Khách nợ quá hạn thì sao?");
        assert!(
            other_language_question
                .queries
                .iter()
                .all(|query| !(query.text.contains("open") && query.text.contains("nợ")))
        );
    }

    #[test]
    fn what_was_said_in_another_language_is_searched_beside_the_follow_up() {
        let reading = read(&HOURS, "And the filter cartridge?");
        assert_eq!(reading.interpretation.language, Language::En);
        assert_eq!(reading.meaning, "the filter cartridge?");
        let texts: Vec<&str> = reading.queries.iter().map(|query| query.text.as_str()).collect();
        assert_eq!(texts, ["the filter cartridge?", HOURS[0]]);
        assert!(reading.queries[1].weight < reading.queries[0].weight);
    }
}

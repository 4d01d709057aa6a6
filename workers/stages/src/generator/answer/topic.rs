//! Extracts the topic of an unanswered question, in the visitor's own words.

mod abuse;
mod words;

use std::{collections::BTreeSet, ops::Range};

use hoidap_indices::Analyser;
use hoidap_shared::{
    digest::digest,
    job::{Passage, Question, Sender},
    phrases,
    text::{Language, fold},
};

use self::{
    abuse::{ABUSIVE_WORDS, is_abusive},
    words::{ADDRESS_WORDS, INNER_WORDS, TopicWord, spellings, trim_punctuation, words},
};
/// Longest topic, in characters.
const MAX_TOPIC_CHARS: usize = 60;
/// Fewest letters of a topic.
const MIN_TOPIC_LETTERS: usize = 4;
/// A digest of everything that the topic's text depends on.
pub(in crate::generator) fn version() -> String {
    let said = [Language::Vi, Language::En].map(|language| {
        format!(
            "{}{:?}",
            phrases::no_answer(language, Some(""), ""),
            phrases::uncertain(language, Some(""), "")
        )
    });
    digest(&[&said[0], &said[1], ABUSIVE_WORDS, INNER_WORDS, ADDRESS_WORDS])
}

/// Adjacent words that may be the topic.
struct TopicSpan {
    words: Range<usize>,
    shown: String,
    terms: BTreeSet<String>,
}

/// The topic of a question whose resolved meaning is `meaning`: the words that the passages contain least, as the
/// visitor typed them. A follow-up's topic starts with that of the earlier question. `None` where nothing can be
/// quoted safely.
pub(in crate::generator) fn topic(
    question: &Question,
    meaning: &str,
    passages: &[Passage],
    analyser: &Analyser,
) -> Option<String> {
    if is_abusive(&question.message) || is_abusive(meaning) {
        return None;
    }
    let words = words(meaning, &spellings(question), analyser);
    let held: BTreeSet<String> = passages.iter().flat_map(|passage| terms(&passage.text, analyser)).collect();
    let spans = spans(&words, analyser);
    let best = |within: Range<usize>| {
        let inside = spans
            .iter()
            .rev()
            .filter(|span| within.start <= span.words.start && span.words.end <= within.end);
        inside.max_by_key(|span| (span.terms.difference(&held).count(), span.terms.len(), span.shown.len()))
    };
    let goes_on = question.history.iter().any(|turn| turn.sender == Sender::User);
    let new = if goes_on { words.len() - count_words_of_message(&words, &question.message) } else { 0 };
    let Some(own) = best(new..words.len()) else {
        return best(0..words.len()).map(|span| span.shown.clone());
    };
    let other =
        |before: &&TopicSpan| !before.terms.is_subset(&own.terms) && !own.terms.is_subset(&before.terms);
    let both = best(0..new).filter(other).map(|before| format!("{}, {}", before.shown, own.shown));
    both.filter(|both| both.chars().count() <= MAX_TOPIC_CHARS).or_else(|| Some(own.shown.clone()))
}

/// A text's content terms, with pairs of syllables.
fn terms(text: &str, analyser: &Analyser) -> BTreeSet<String> {
    let analysed = analyser.content(text);
    analysed.folded.into_iter().chain(analysed.pairs).collect()
}

/// How many of the last words are also the last words of the message.
fn count_words_of_message(words: &[TopicWord], message: &str) -> usize {
    let said: Vec<String> = message.split_whitespace().map(|word| fold(trim_punctuation(word))).collect();
    let mut said = said.iter().rev();
    // Words that cannot be quoted may stand between them.
    words.iter().rev().take_while(|word| said.any(|said| *said == fold(&word.read))).count()
}

/// Candidate topics: the question's clauses, or the parts of a long clause that fit.
fn spans(words: &[TopicWord], analyser: &Analyser) -> Vec<TopicSpan> {
    let mut spans = Vec::new();
    let mut clause = 0;
    for end in 1..=words.len() {
        if words.get(end).is_some_and(|word| word.joined) {
            continue;
        }
        let content_words: Vec<usize> = (clause..end).filter(|index| words[*index].content).collect();
        clause = end;
        let Some((first, last)) = content_words.first().zip(content_words.last()) else { continue };
        let longest = |at: usize| {
            let mut parts = content_words[at..]
                .iter()
                .take(MAX_TOPIC_CHARS)
                .rev()
                .map(|last| content_words[at]..last + 1);
            parts.find(|part| shown(&words[part.clone()]).chars().count() <= MAX_TOPIC_CHARS)
        };
        let many = if longest(0) == Some(*first..last + 1) { 1 } else { content_words.len() };
        spans.extend((0..many).filter_map(longest).filter_map(|part| span(words, part, analyser)));
    }
    spans
}

fn span(words: &[TopicWord], part: Range<usize>, analyser: &Analyser) -> Option<TopicSpan> {
    let read: Vec<&str> = words[part.clone()].iter().map(|word| word.read.as_str()).collect();
    let shown = shown(&words[part.clone()]);
    let enough = shown.chars().filter(|c| c.is_alphabetic()).count() >= MIN_TOPIC_LETTERS;
    enough.then(|| TopicSpan { words: part, shown, terms: terms(&read.join(" "), analyser) })
}

fn shown(words: &[TopicWord]) -> String {
    words.iter().map(|word| word.shown.as_str()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use hoidap_shared::job::Turn;

    use super::*;
    use crate::generator::{passages::passage_set::tests::passage, question::tests::classified};

    /// The topic of a question over a page about something else.
    fn read(typed: &str, meaning: &str, before: &[&str]) -> Option<String> {
        let mut question = classified(typed, Language::Vi).question;
        question.history =
            before.iter().map(|text| Turn { sender: Sender::User, content: (*text).into() }).collect();
        let page = "Our lamps have a warranty of two years. Đèn của chúng tôi được bảo hành hai năm. Cho em hỏi bên shop.";
        topic(&question, meaning, &[passage("vi", page)], &Analyser::default())
    }

    fn of(question: &str) -> Option<String> {
        read(question, question, &[])
    }

    #[test]
    fn an_english_question_is_known_by_its_topic() {
        for (question, topic) in [
            ("Do you do gift wrapping?", "gift wrapping"),
            ("Hi, can I pay in instalments please", "pay in instalments"),
            ("Is there wheelchair access at your Hanoi store?", "wheelchair access at your Hanoi store"),
            ("How long does the warranty last on refurbished units?", "warranty last on refurbished units"),
            ("what's the wi-fi password in the café??", "wi-fi password in the café"),
            ("Which lamps work outdoors when it rains?", "lamps work outdoors"),
            ("Could you engrave a name on it? I'd love that.", "engrave a name"),
            ("I was wondering if you have a student discount", "student discount"),
            ("Where can I park a van near the showroom", "park a van near the showroom"),
            ("is Lumos One compatible with HomeKit", "Lumos One compatible with HomeKit"),
        ] {
            assert_eq!(of(question).as_deref(), Some(topic), "{question}");
        }
    }

    #[test]
    fn a_vietnamese_question_is_known_by_its_topic() {
        for (question, topic) in [
            ("Bên mình có gói quà không ạ?", "gói quà"),
            ("Cho em hỏi shop có bán thẻ quà tặng không", "bán thẻ quà tặng"),
            ("Làm thế nào để đăng ký làm đại lý?", "đăng ký làm đại lý"),
            ("Muốn đổi màu chao đèn thì làm sao?", "đổi màu chao đèn"),
            ("Có giao hàng ra Phú Quốc không?", "giao hàng ra Phú Quốc"),
            ("Shop ơi, chỗ đậu xe ở đâu vậy", "chỗ đậu xe"),
            ("Mất hóa đơn thì có được hoàn thuế không?", "Mất hóa đơn"),
            ("Đèn này có dùng được với HomeKit không nhỉ?", "HomeKit"),
            ("bạn có chương trình cho sinh viên không", "chương trình cho sinh viên"),
            ("Công ty có tuyển thực tập sinh mùa hè không?", "tuyển thực tập sinh mùa hè"),
        ] {
            assert_eq!(of(question).as_deref(), Some(topic), "{question}");
        }
    }

    #[test]
    fn a_topic_is_spelled_as_the_visitor_spells_it() {
        for (typed, meaning, topic) in [
            ("ben minh co goi qua khong a", "bên mình có gói quà không ạ", "goi qua"),
            ("co giao hang ra Phu Quoc khong", "có giao hàng ra Phú Quốc không", "giao hang ra Phu Quoc"),
            ("sp nay co bao hanh tai nha ko", "sản phẩm này có bảo hành tại nhà không", "sản phẩm"),
        ] {
            assert_eq!(read(typed, meaning, &[]).as_deref(), Some(topic), "{typed}");
        }
    }

    #[test]
    fn a_follow_up_goes_on_with_what_was_asked() {
        let (before, now) = ("How do I export my invoices?", "and to Excel?");
        assert_eq!(
            read(now, "How do I export my invoices? to Excel?", &[before]).as_deref(),
            Some("export my invoices, Excel")
        );
        // The follow-up has nothing of its own to quote.
        assert_eq!(
            read("and for that?", "How do I export my invoices? for that?", &[before]).as_deref(),
            Some("export my invoices")
        );
        let both = read(
            "con goi qua thi sao",
            "Có giao hàng ra Phú Quốc không? gói quà thì sao",
            &["Có giao hàng ra Phú Quốc không?"],
        );
        assert_eq!(both.as_deref(), Some("giao hàng ra Phú Quốc, goi qua"));
    }

    #[test]
    fn what_is_private_is_not_said_back() {
        for (question, topic) in [
            ("Mail lan.nguyen@example.com about gift wrapping", "gift wrapping"),
            ("Gọi 0912 345 678 hẹn lắp đặt", "hẹn lắp đặt"),
            ("pay by card 4111 1111 1111 1111", "pay by card"),
            ("call +84-912-345-678 tomorrow", "tomorrow"),
            ("born 12/05/1990, student discount?", "student discount"),
            ("see https://evil.example/?q=1 catalogue", "catalogue"),
            ("invoice VN20260131 missing", "invoice"),
            ("Windows 11 driver", "Windows 11 driver"),
        ] {
            assert_eq!(of(question).as_deref(), Some(topic), "{question}");
        }
    }

    #[test]
    fn abuse_is_not_said_back() {
        for question in [
            "what the fuck is gift wrapping",
            "you BITCHES gift wrapping",
            "địt mẹ có gói quà không",
            "dit me co goi qua khong",
            "thằng chó này có gói quà không",
        ] {
            assert_eq!(of(question), None, "{question}");
        }
        // Other words with the same letters.
        for question in ["có bán lon bia không", "buổi sáng có mở cửa không", "class passes for dumplings"]
        {
            assert!(of(question).is_some(), "{question}");
        }
    }

    #[test]
    fn a_topic_is_short_and_harmless() {
        for question in ["", "???", "Còn gì nữa không?", "how do I", "có không ạ", "🙂🙂", "a b"]
        {
            assert_eq!(of(question), None, "{question}");
        }
        let long =
            "gift wrapping for birthdays weddings anniversaries graduations retirements and christenings";
        assert_eq!(of(long).as_deref(), Some("wrapping for birthdays weddings anniversaries graduations"));
        for question in [
            "<script>alert(1)</script> gift wrapping",
            "[gift](https://evil.example) *wrapping* `x` [1]",
            "gift_wrapping **now** | cell |",
            &"x".repeat(500),
            &"quà ".repeat(500),
        ] {
            let topic = of(question).unwrap_or_default();
            assert!(topic.chars().count() <= MAX_TOPIC_CHARS, "{topic}");
            assert!(topic.chars().all(|c| c.is_alphanumeric() || " -'’,".contains(c)), "{topic}");
        }
    }
}

//! Resolves the answer to a clarifying question, such as the name of one of the offered products.

use hoidap_shared::{
    config::ProductConfig,
    job::{Sender, Turn},
    phrases,
    text::Language,
};
use unicode_segmentation::UnicodeSegmentation as _;

use super::{
    TextModel, UtteranceKind,
    follow_up_rewrite::{find_product_mention, matches_name},
    word_counts::lower_words,
};

/// Filler words around a choice, besides those of small talk.
const FILLER_WORDS: [&str; 20] = [
    "về", "bên", "cái", "loại", "dùng", "xài", "còn", "thế", "thì", "sao", "của", "trên", "i'm", "mean",
    "meant", "about", "in", "on", "using", "what",
];

/// The visitor's question completed by the choice in this message (`history` is oldest first). `None` when the previous turn
/// was no clarifying question, or when the message says more than a choice, or chooses none or several of the options.
pub(super) fn resolve_clarification(
    model: &TextModel,
    sentence: &str,
    hint: Option<Language>,
    history: &[Turn],
    products: &[ProductConfig],
) -> Option<String> {
    let [earlier @ .., question, answer] = history else { return None };
    if (question.sender, answer.sender) != (Sender::User, Sender::Assistant) {
        return None;
    }
    let label = chosen(model, sentence, &phrases::offered_choices(&answer.content), products)?;
    let before = model.resolve(&question.content, hint, earlier, products);
    let question = if before.kind == UtteranceKind::FollowUp { &before.meaning } else { &question.content };
    Some(phrases::complete_question(label, question))
}

/// The one label that a sentence names, if it says nothing else.
fn chosen<'a>(
    model: &TextModel,
    sentence: &str,
    labels: &[&'a str],
    products: &[ProductConfig],
) -> Option<&'a str> {
    let words: Vec<(usize, &str)> = sentence.unicode_word_indices().collect();
    let is = |typed: &str, known: &str| matches_name([typed].into_iter(), &[known]);
    let of = |label: &str, typed: &str| lower_words(label).any(|known| is(typed, &known));
    let mut named = Vec::new();
    let mut rest = words.clone();
    for label in labels {
        let only = |typed: &str| {
            of(label, typed) && labels.iter().filter(|other| *other != label).all(|other| !of(other, typed))
        };
        let product = products.iter().find(|product| product.name == *label);
        let mentioned = product.and_then(|product| find_product_mention(sentence, product));
        if mentioned.is_some() || words.iter().any(|(_, word)| only(word)) {
            named.push(*label);
        }
        rest.retain(|(at, word)| {
            !of(label, word) && !mentioned.as_ref().is_some_and(|range| range.contains(at))
        });
    }
    let rest: Vec<&str> = rest
        .into_iter()
        .map(|(_, word)| word)
        .filter(|word| !FILLER_WORDS.iter().any(|known| is(word, known)))
        .collect();
    match named[..] {
        [label] if model.phrases.is_only_filler(&rest.join(" ")) => Some(label),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{super::WordCounts, *};

    fn read(question: &str, answer: &str, sentence: &str) -> super::super::ResolvedMessage {
        let product = |id: &str, name: &str, alias: &str| ProductConfig {
            id: id.into(),
            name: name.into(),
            aliases: vec![alias.into()],
            urls: vec![],
        };
        let products = [product("mail", "Diệc Mail", "hộp thư"), product("drive", "Diệc Drive", "kho tệp")];
        let turn = |content: &str, sender| Turn { content: content.into(), sender };
        let history = [turn(question, Sender::User), turn(answer, Sender::Assistant)];
        TextModel::new(WordCounts::default()).resolve(sentence, None, &history, &products)
    }

    const ASKED: &str = "Bạn hỏi về Diệc Mail, Diệc Drive hay Diệc Meet?";

    #[test]
    fn a_choice_completes_the_question() {
        let question = "Mật khẩu phải dài mấy ký tự?";
        for (sentence, label) in [
            ("Drive", "Diệc Drive"),
            ("mail ạ", "Diệc Mail"),
            ("em hỏi về diec meet nhé", "Diệc Meet"),
            ("Kho tệp", "Diệc Drive"),
            ("thế Diệc Mail thì sao?", "Diệc Mail"),
        ] {
            let reading = read(question, ASKED, sentence);
            assert_eq!(reading.meaning, phrases::complete_question(label, question), "{sentence}");
            assert!(reading.queries.iter().all(|query| query.text.contains(label)), "{sentence}");
        }
        let english = read("How long must a password be?", "Do you mean Free or Pro?", "the Pro one, please");
        assert_eq!(english.meaning, "Pro: How long must a password be?");
        assert_eq!(english.interpretation.language, Language::En);
    }

    #[test]
    fn what_says_more_or_chooses_nothing_is_a_question_of_its_own() {
        let question = "Mật khẩu phải dài mấy ký tự?";
        for sentence in ["Drive giá bao nhiêu?", "cả Mail và Drive", "cái nào cũng được", "Diệc"]
        {
            assert!(!read(question, ASKED, sentence).meaning.contains(": Mật khẩu"), "{sentence}");
        }
        assert!(!read(question, "Tối thiểu 12 ký tự. [1]", "Drive").meaning.contains(": Mật khẩu"));
    }
}

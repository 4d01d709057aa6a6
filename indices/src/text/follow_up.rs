//! Follow-ups made to stand alone, without a model.

use hoidap_shared::{
    config::Product,
    job::{Sender, Turn},
    text::{Language, fold},
};

use super::{TextModel, Understood, words::tokens};
use crate::lexical::{Analyser, content_terms};

/// Beginnings that go on with what was said, without diacritics.
const LEAD_INS: [&str; 27] = [
    "the con",
    "vay con",
    "the thi",
    "vay thi",
    "neu vay thi",
    "neu the thi",
    "con",
    "the",
    "vay",
    "roi",
    "nhung",
    "ngoai ra",
    "what about",
    "how about",
    "and what about",
    "and how about",
    "and",
    "but",
    "or",
    "so",
    "then",
    "also",
    "ok and",
    "okay and",
    "what if",
    "same for",
    "ok",
];

/// Words that stand for something said before, without diacritics.
const POINTERS: [&str; 31] = [
    "no",
    "chung no",
    "cai do",
    "cai nay",
    "cai kia",
    "cai ay",
    "goi do",
    "goi nay",
    "goi kia",
    "ban do",
    "ban kia",
    "viec do",
    "viec nay",
    "cho do",
    "o do",
    "loi do",
    "loi nay",
    "nhu vay",
    "nhu the",
    "tinh nang do",
    "tinh nang nay",
    "thi sao",
    "it",
    "its",
    "they",
    "them",
    "that",
    "those",
    "these",
    "one",
    "ones",
];

/// With more content words than this a question says itself what it is about, pointers or not.
const SPEAKS_FOR_ITSELF: usize = 5;

/// How many turns back a subject is looked for.
const LOOK_BACK: usize = 6;

/// Rewrites a follow-up from the history (oldest first) so that it stands alone; `None` when it does so already, or
/// when nothing was asked before.
///
/// A question goes on with an earlier one when it begins like that ("thế còn…", "and…"), points at something said
/// before ("nó", "it") and has few words of its own, or has next to none. The rewriting is the last question that stood
/// alone, followed by the new one; where the new one names another product, that takes the old one's place.
pub fn follow_up(
    understood: &Understood,
    history: &[Turn],
    products: &[Product],
    text: &TextModel,
) -> Option<String> {
    let meaning = understood.meaning();
    if !goes_on(meaning, understood.language) {
        return None;
    }
    let asked = history.iter().rev().filter(|turn| turn.sender == Sender::User).take(LOOK_BACK);
    let mut earlier =
        asked.map(|turn| text.understand(&turn.content, Some(understood.language)).meaning().to_string());
    let mut subject = earlier.next()?;
    // A chain of follow-ups leads back to what started it.
    let mut between = None;
    while goes_on(&subject, Language::guess(&subject)) {
        let Some(before) = earlier.next() else { break };
        between.get_or_insert(std::mem::replace(&mut subject, before));
    }
    let new = without_lead_in(meaning);
    let old_product = products.iter().find_map(|product| mention(&subject, product));
    let new_product = products.iter().find_map(|product| mention(new, product));
    if let (Some(old), Some(new_product)) = (old_product, &new_product)
        && fold(&subject[old.clone()]) != fold(&new[new_product.clone()])
    {
        subject.replace_range(old, &new[new_product.clone()]);
        between = None;
    }
    let mut parts = vec![subject];
    parts.extend(between.map(|turn| without_lead_in(&turn).to_string()));
    parts.push(new.to_string());
    Some(parts.join(" "))
}

fn goes_on(text: &str, language: Language) -> bool {
    let folded = words_of(text);
    let analysed = Analyser::default().question(text);
    let content = content_terms(&analysed).len();
    let leads = LEAD_INS.iter().any(|lead| folded.starts_with(&format!(" {lead} ")))
        && !looks_whole(&folded, language);
    let points = POINTERS.iter().any(|pointer| {
        // Without its diacritics "nó" is English "no", and the other way round.
        (language == Language::Vi || *pointer != "no") && folded.contains(&format!(" {pointer} "))
    });
    leads || (points && content <= SPEAKS_FOR_ITSELF) || content <= 1
}

/// "Thế nào là…", "so sánh…" and the like begin with a lead-in's letters but ask on their own.
fn looks_whole(folded: &str, language: Language) -> bool {
    let begins = |start: &str| folded.starts_with(&format!(" {start} "));
    match language {
        Language::Vi => ["the nao", "the gioi", "the tin dung", "con so", "con chuot", "so sanh", "so"]
            .iter()
            .any(|s| begins(s)),
        Language::En => false,
    }
}

/// The folded words of a text between single spaces, one at each end, too.
fn words_of(text: &str) -> String {
    let words: Vec<String> = tokens(text).map(|word| fold(&word)).collect();
    format!(" {} ", words.join(" "))
}

/// The text behind the lead-in; the whole text when that leaves nothing.
fn without_lead_in(text: &str) -> &str {
    let mut longest = 0;
    for (end, _) in text.char_indices().filter(|(_, c)| !c.is_alphanumeric()) {
        let start = words_of(&text[..end]);
        if LEAD_INS.contains(&start.trim()) {
            longest = end;
        }
    }
    let rest = text[longest..].trim_start_matches(|c: char| !c.is_alphanumeric());
    if rest.is_empty() { text } else { rest }
}

/// Where a text names a product, in bytes; diacritics and capitals do not matter.
fn mention(text: &str, product: &Product) -> Option<std::ops::Range<usize>> {
    let starts: Vec<usize> = text.char_indices().map(|(i, _)| i).chain([text.len()]).collect();
    let mut names: Vec<String> =
        std::iter::once(&product.name).chain(&product.aliases).map(|name| fold(name)).collect();
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    let boundary = |at: usize, before: bool| {
        let beside = if before { text[..at].chars().next_back() } else { text[at..].chars().next() };
        beside.is_none_or(|c| !c.is_alphanumeric())
    };
    names.iter().filter(|name| !name.is_empty()).find_map(|name| {
        let length = name.chars().count();
        starts.windows(length + 1).map(|window| window[0]..window[length]).find(|range| {
            fold(&text[range.clone()]) == *name && boundary(range.start, true) && boundary(range.end, false)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewrite(history: &[&str], question: &str) -> Option<String> {
        let product = |id: &str, name: &str| Product {
            id: id.into(),
            name: name.into(),
            aliases: vec![],
            urls: vec![],
        };
        let products = [product("mail", "Diệc Mail"), product("drive", "Diệc Drive")];
        let model = TextModel::new(super::super::Words::default());
        let turns: Vec<Turn> = history
            .iter()
            .enumerate()
            .map(|(i, text)| Turn {
                content: (*text).into(),
                sender: if i % 2 == 0 { Sender::User } else { Sender::Assistant },
            })
            .collect();
        follow_up(&model.understand(question, None), &turns, &products, &model)
    }

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
}

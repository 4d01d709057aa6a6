use hoidap_shared::job::{Cut, Passage};
use proptest::prelude::*;

use super::*;
use crate::generator::{
    answer::assembly::{assemble, tests::check},
    passages::{passage_set::tests::passage, segmenter::Segmenter},
    question::tests::parse_question,
    reader::tests::rank,
};

fn quoted(question: &str, language: Language, passages: &[(&str, &str)]) -> String {
    let passages = passages.iter().map(|(locale, text)| passage(locale, text)).collect();
    let segmenter = Segmenter::default();
    let passage_set = PassageSet::new(passages, &segmenter);
    let parsed = parse_question(question, language);
    let ranked = rank(&passage_set, &parsed);
    let done = quote(&passage_set, &ranked, &parsed, &segmenter.analyser)
        .map(|quotation| assemble(&quotation.sentences, &passage_set.passages));
    done.map(|done| {
        check(&done);
        done.text
    })
    .unwrap_or_default()
}

#[test]
fn the_row_that_answers_is_quoted_with_the_names_of_its_columns() {
    let table =
        "Hạn mức | Free | Pro\nDung lượng mỗi người | 10 GB | 500 GB\nKích thước một tệp | 2 GB | 20 GB";
    let text = quoted("Kích thước một tệp tối đa bao nhiêu?", Language::Vi, &[("vi", table)]);
    assert!(text.contains("Kích thước một tệp – Free: 2 GB; Pro: 20 GB [1]"), "{text}");
}

#[test]
fn columns_below_one_name_are_quoted_together() {
    let table = "Kỳ hạn | Gửi tại quầy / Lãi cuối kỳ | Gửi tại quầy / Lãi hằng tháng | Gửi trên app\n\
                 3 tháng | 3,40% | 3,38% | 3,65%\n6 tháng | 4,60% | 4,54% | 4,85%";
    let text = quoted("lãi suất 6 tháng gửi tại quầy", Language::Vi, &[("vi", table)]);
    let row = "6 tháng – Gửi tại quầy / Lãi cuối kỳ: 4,60%; Gửi tại quầy / Lãi hằng tháng: 4,54% [1]";
    assert!(text.contains(row), "{text}");
}

#[test]
fn the_steps_of_a_list_stay_together_and_in_order() {
    let steps = "Do this when mail does not arrive:\nLook in the Spam folder.\nSee whether the mailbox is full.\n\
                 Check that the MX record is right.";
    let text = quoted("How do I find mail that does not arrive?", Language::En, &[("en", steps)]);
    let expected = "Do this when mail does not arrive: [1]\n- Look in the Spam folder. [1]\n\
                    - See whether the mailbox is full. [1]\n- Check that the MX record is right. [1]";
    assert_eq!(text, expected);
}

#[test]
fn a_list_that_goes_on_says_so() {
    let steps = "Do this when mail does not arrive:\nLook in the Spam folder.\nSee whether the mailbox is full.\n\
                 Check that the MX record is right.";
    let segmenter = Segmenter::default();
    let cut = Cut { after: true, ..Cut::default() };
    let passage_set = PassageSet::new(vec![Passage { cut, ..passage("en", steps) }], &segmenter);
    let parsed = parse_question("How do I find mail that does not arrive?", Language::En);
    let quotation = quote(&passage_set, &rank(&passage_set, &parsed), &parsed, &segmenter.analyser).unwrap();
    let text = assemble(&quotation.sentences, &passage_set.passages).text;
    assert!(text.ends_with("right. [1]\nThe full list is on the cited page."), "{text}");
}

#[test]
fn several_things_are_quoted_as_a_list() {
    let ways = "Bạn thanh toán bằng một trong các cách sau khi đặt hàng.\nTiền mặt khi nhận hàng\nChuyển khoản\nMoMo\nVNPay\nThẻ Visa\nTrả góp";
    let text = quoted("Có những phương thức thanh toán nào?", Language::Vi, &[("vi", ways)]);
    for way in ["Tiền mặt", "Chuyển khoản", "MoMo", "VNPay", "Visa", "Trả góp"] {
        assert!(text.contains(way), "{way}: {text}");
    }
}

#[test]
fn a_pointing_sentence_gets_its_heading() {
    let text = quoted("Is the trial free?", Language::En, &[("en", "It is free for 7 days.")]);
    assert_eq!(text, "Section: It is free for 7 days. [1]");
}

#[test]
fn what_a_sentence_introduces_is_quoted_behind_it() {
    let text = "For the difference between two times in one night, use this formula:\n=(B2<A2)+B2-A2\n\
                Later times need another one.";
    assert_eq!(
        quoted("Which formula has the difference between two times?", Language::En, &[("en", text)]),
        "For the difference between two times in one night, use this formula: [1]\n=(B2<A2)+B2-A2 [1]"
    );
}

#[test]
fn another_language_is_introduced() {
    let text = quoted("Dung lượng bao nhiêu GB?", Language::Vi, &[("en", "Storage is 10 GB.")]);
    assert!(text.starts_with("Tài liệu bằng tiếng Anh viết: "), "{text}");
    let text = quoted("How many GB?", Language::En, &[("vi", "Dung lượng là 10 GB.")]);
    assert!(text.starts_with("The documentation, in Vietnamese, says: "), "{text}");
}

proptest! {
    #[test]
    fn every_mark_resolves_whatever_a_document_says(texts in prop::collection::vec(any::<String>(), 1..4)) {
        let passages: Vec<(&str, &str)> = texts.iter().map(|text| ("vi", text.as_str())).collect();
        quoted("Kích thước một tệp [1] tối đa bao nhiêu?", Language::Vi, &passages);
    }

    #[test]
    fn marks_of_documents_are_never_ours(text in "([a-c ]{0,6}(\\[[0-9]{1,2}\\]|\\[|\\]|\n|\\.)){1,12}") {
        quoted("a b c?", Language::En, &[("en", &text), ("en", &text)]);
    }
}

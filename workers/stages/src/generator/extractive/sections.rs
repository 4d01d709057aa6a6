//! Tests answers from pages with several short sections, whose headings the page gives.

use hoidap_shared::{
    job::{LineKind, Passage},
    text::Language,
};

use crate::generator::{
    answer::assembly::assemble,
    extractive::quote,
    passages::{
        passage_set::{PassageSet, tests::passage},
        segmenter::Segmenter,
    },
    question::tests::parse_question,
    reader::tests::rank,
};

/// A page as a passage: `# heading` and `* item` lines, `|` between cells, other lines are text. The first heading is above it.
fn page(locale: &str, text: &str) -> Passage {
    let mut lines = text.lines();
    let title = lines.next().unwrap().trim_start_matches("# ");
    let kind = |line: &str| match line.chars().next() {
        Some('#') => LineKind::Heading,
        Some('*') => LineKind::Item,
        _ => LineKind::Text,
    };
    let lines: Vec<&str> = lines.collect();
    let kinds: Vec<LineKind> = lines.iter().map(|line| kind(line)).collect();
    let headings = kinds.iter().filter(|kind| **kind == LineKind::Heading).count();
    let text: Vec<&str> = lines.iter().map(|line| line.trim_start_matches(['#', '*', ' '])).collect();
    Passage {
        title: "Page".into(),
        heading_path: vec![title.into()],
        heading_depths: vec![0; headings],
        lines: kinds,
        ..passage(locale, &text.join("\n"))
    }
}

fn answer(question: &str, pages: &[&str]) -> String {
    let language = Language::guess(pages[0]);
    let segmenter = Segmenter::default();
    let pages = pages.iter().map(|text| page(language.code(), text)).collect();
    let passage_set = PassageSet::new(pages, &segmenter);
    let parsed = parse_question(question, language);
    let ranked = rank(&passage_set, &parsed);
    let quoted = quote(&passage_set, &ranked, &parsed, &segmenter.analyser);
    quoted
        .map(|quoted| assemble(&quoted.sentences, &passage_set.passages).text.replace(" [1]", ""))
        .unwrap_or_default()
}

const BRANCHES: &str = "# Harbour branch\nNew bicycles, helmets and lights.\nOpening hours: 9:00-17:00\n# Hill branch\n\
    Repairs and old bicycles.\nOpening hours: 10:00-16:00\n# Mill branch\nRental of cargo bicycles.\nOpening hours: 11:00-15:00";

#[test]
fn a_line_belongs_to_the_heading_above_it() {
    for (branch, hours) in [("Harbour", "9:00-17:00"), ("Hill", "10:00-16:00"), ("Mill", "11:00-15:00")] {
        let text = answer(&format!("{branch} branch opening hours"), &[BRANCHES]);
        assert!(text.starts_with(&format!("{branch} branch: Opening hours: {hours}")), "{text}");
    }
}

#[test]
fn a_value_without_words_stands_below_its_heading() {
    let shop = "# Máy tăm nước W1\nBình chứa 300 ml.\n1.290.000₫\n# Chỉ nha khoa\n39.000₫";
    assert_eq!(answer("chỉ nha khoa giá bao nhiêu", &[shop]), "Chỉ nha khoa: 39.000₫");
}

#[test]
fn the_line_below_a_name_is_its_answer() {
    let team = "# Team\n# Jane Doe\nHead of technology\nShe built the first press.\n# John Roe\nHead of sales\nHe was a farmer.";
    assert!(answer("who is the head of technology", &[team]).starts_with("Jane Doe: Head of technology"));
    let role = "# Tống Gia Huy\nĐồng sáng lập, Giám đốc công nghệ\nPhụ trách hạ tầng.";
    let text = answer("ai phụ trách công nghệ", &[role]);
    assert!(text.starts_with("Tống Gia Huy: "), "{text}");
}

#[test]
fn what_only_repeats_the_question_is_no_answer() {
    let text = answer(
        "mắc cài sứ tự buộc giá bao nhiêu",
        &["# Niềng răng\nMắc cài sứ tự buộc\n45 – 52 triệu đồng\nBảo hành."],
    );
    assert!(text.contains("45 – 52 triệu đồng"), "{text}");
}

#[test]
fn a_verdict_goes_before_its_own_sentence() {
    let pool = "# Can I bring my dog?\nYes. Dogs must be on a lead.\n# Do you sell goggles?\nNo. The kiosk outside the gate has some.";
    assert_eq!(answer("can I bring my dog", &[pool]), "Yes. Dogs must be on a lead.");
    assert_eq!(answer("do you sell goggles", &[pool]), "No. The kiosk outside the gate has some.");
}

#[test]
fn a_rule_goes_before_its_exception() {
    let tours = "# Huỷ tour\nHuỷ trước 24 giờ được hoàn 100%. Sau thời hạn này không hoàn tiền tour đã đặt.";
    let text = answer("đặt tour rồi huỷ có được hoàn tiền không", &[tours]);
    assert!(text.starts_with("Huỷ trước 24 giờ được hoàn 100%. Sau thời hạn này"), "{text}");
}

#[test]
fn how_to_pay_a_fee_asks_for_steps() {
    let fee = "# Paying the garden fee\n* Open the town portal and choose Gardens.\n* Enter the number of your plot.\n\
        * Choose a card or a bank transfer.\n# Prices\nThe garden fee is 120 euros a year.";
    let text = answer("How do I pay the garden fee?", &[fee]);
    assert!(text.starts_with("- Open the town portal") && text.contains("- Choose a card"), "{text}");
    assert!(answer("How much is the garden fee?", &[fee]).contains("120 euros"));
}

#[test]
fn a_step_of_two_sentences_is_one_step() {
    let text = answer(
        "How do I borrow a telescope from the cellar store?",
        &["# How to borrow a telescope\n* Choose a model in the catalogue.\n\
           * Go to the desk. For models in the cellar store, click Fetch and come back.\n* Sign the form."],
    );
    assert_eq!(
        text,
        "- Choose a model in the catalogue.\n- Go to the desk. For models in the cellar store, click Fetch and come back.\n\
         - Sign the form."
    );
}

#[test]
fn steps_follow_the_sentence_before_them() {
    let text = answer(
        "how to hire a barn",
        &["# Barns\nA barn can be hired by residents for one day.\n* Open Bookings on the village site.\n\
           * Pick the barn and the day.\n* Fetch the key at the town hall."],
    );
    assert!(text.ends_with("- Pick the barn and the day.\n- Fetch the key at the town hall."), "{text}");
}

#[test]
fn numbered_paragraphs_are_steps() {
    let text = answer(
        "làm sao để yêu cầu bảo hành",
        &[
            "# Yêu cầu bảo hành\nBước 1: Gọi tổng đài kèm ảnh thẻ.\nBước 2: Mang thẻ bảo hành đến phòng khám.\n# Phí\nBảo hành miễn phí.",
        ],
    );
    assert_eq!(text, "- Bước 1: Gọi tổng đài kèm ảnh thẻ.\n- Bước 2: Mang thẻ bảo hành đến phòng khám.");
}

#[test]
fn numbered_lines_are_steps_in_their_order() {
    let text = answer(
        "cách dùng máy tăm nước",
        &[
            "# Cách dùng\n* 1. Đổ nước ấm vào bình.\n* 2. Luồn vòi vào miệng.\n* 3. Súc lại sau khi dùng máy tăm nước.",
        ],
    );
    assert_eq!(
        text,
        "1. Đổ nước ấm vào bình.\n2. Luồn vòi vào miệng.\n3. Súc lại sau khi dùng máy tăm nước."
    );
}

#[test]
fn the_section_that_a_question_names_answers_before_those_that_say_more() {
    let hours = "# Ticket office of the library theatre\n* Tuesday to Sunday: 14:00-20:30\n* Saturday: open to 15 minutes after the curtain\n\
        # Reading room\n* Tuesday to Friday: 9:00-16:30\n* Saturday: 9:00-12:00";
    let text = answer("until when is the reading room open on Saturday", &[hours]);
    assert!(text.starts_with("Reading room: ") && text.contains("9:00-12:00"), "{text}");
}

#[test]
fn values_of_two_sections_each_stand_below_their_own_heading() {
    let hours = "# Boat trips\n* Sunday: 9:00-18:00\n# Museum shop\n* Sunday: 9:00-21:15";
    let text = answer("opening hours on Sunday", &[hours]);
    assert!(!text.contains("21:15") || text.contains("Museum shop: Sunday: 9:00-21:15"), "{text}");
}

#[test]
fn a_question_for_several_things_is_answered_by_the_list_of_their_heading() {
    let claims = "# Claims\n# Steps for a claim\n* Open the order and send the required documents within 3 days.\n\
        * Read the answer to your claim.\n# Documents for a claim\n* Photos of all sides\n* The invoice\n* The video of the unpacking";
    let text = answer("which documents do I need for a claim?", &[claims]);
    assert_eq!(text, "- Photos of all sides\n- The invoice\n- The video of the unpacking");
}

#[test]
fn a_small_table_answers_whole_where_several_things_are_asked_for() {
    let rounds = "# Giờ bưu tá lấy hàng\nCa | Đặt đơn trước | Bưu tá đến trong khoảng\nCa sáng | 9h00 | 9h30 – 12h00\n\
        Ca chiều | 14h00 | 14h30 – 17h30\nCa tối | 18h00 | 18h30 – 20h30";
    let text = answer("bưu tá tới nhà lấy hàng vào những khung giờ nào", &[rounds]);
    for hours in ["9h30 – 12h00", "14h30 – 17h30", "18h30 – 20h30"] {
        assert!(text.contains(hours), "{text}");
    }
}

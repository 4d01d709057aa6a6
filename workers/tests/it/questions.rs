//! What a visitor's sentence is taken for, through the stages as they serve, over a small shop for bicycles.

mod shop;

use hoidap_shared::{
    job::{Answer, Outcome},
    stage::STAGES,
    text::Language,
};

use self::shop::{Shop, shop};

const HOURS: [&str; 2] = ["Cửa hàng Huế mở cửa mấy giờ?", "Từ 7 giờ đến 21 giờ."];

/// Whether a passage that is cited comes from the page.
fn cites(answer: &Answer, page: &str) -> bool {
    answer.sources.iter().any(|source| source.metadata.source.ends_with(page))
}

/// The answer, which must be from documents.
async fn answered(shop: &Shop, history: &[&str], question: &str) -> Answer {
    let answer = shop.ask(history, question).await;
    assert_eq!(answer.outcome, Outcome::Answered, "{question}: {}", answer.text);
    answer
}

#[tokio::test]
async fn thanks_and_wishes_for_a_person_after_an_answer_are_no_questions() {
    let shop = shop().await;
    for text in [
        "Thanks!",
        "Ok",
        "vâng",
        "cảm ơn bạn nhé",
        "tks",
        "dạ",
        "👍",
        "bye",
        "no",
        "không cần nữa",
        "được rồi ạ",
        "Great, thank you so much",
        "that's all",
        "Bạn khỏe không?",
        "okkk",
        "da vang",
    ] {
        let answer = shop.ask(&HOURS, text).await;
        assert_eq!(answer.outcome, Outcome::SmallTalk, "{text}: {}", answer.text);
    }
    for text in [
        "gặp người thật",
        "tôi muốn nói chuyện với nhân viên",
        "talk to a human",
        "gap nhan vien",
        "human please",
        "Cho mình gặp tư vấn viên với ạ",
        "Can I speak to a real person?",
    ] {
        let answer = shop.ask(&HOURS, text).await;
        assert_eq!(answer.outcome, Outcome::HumanAgent, "{text}: {}", answer.text);
    }
    assert_eq!(shop.ask(&HOURS, "Thanks!").await.language, Language::En);
    assert_eq!(shop.ask(&HOURS, "Ok").await.language, Language::Vi);
    for (text, said) in [("Thế Hội An?", "18 giờ"), ("Cảm ơn. Còn Hội An?", "18 giờ")] {
        let answer = answered(&shop, &HOURS, text).await;
        assert!(answer.text.contains(said), "{text}: {}", answer.text);
    }
}

#[tokio::test]
async fn typed_diacritics_decide_whether_a_question_goes_on() {
    let shop = shop().await;
    for (question, page) in [
        ("Vá xe ở đâu và giá bao nhiêu?", "va-xe.html"),
        ("Thẻ hội viên được giảm bao nhiêu?", "the-hoi-vien.html"),
        ("Con nhỏ mấy tuổi thì được tự đạp xe ra đường?", "tre-em.html"),
        ("Nợ tiền thuê quá hạn thì bị phạt bao nhiêu?", "no-tien.html"),
        ("the hoi vien duoc giam bao nhieu", "the-hoi-vien.html"),
    ] {
        let alone = answered(&shop, &[], question).await;
        let after = answered(&shop, &HOURS, question).await;
        assert!(cites(&after, page), "{question}: {}", after.text);
        assert_eq!(after.text, alone.text, "{question}");
    }
}

#[tokio::test]
async fn a_follow_up_in_another_language_is_answered_in_its_own() {
    let shop = shop().await;
    let frame = ["Khung xe được bảo hiểm bao lâu?", "24 tháng."];
    let answer = answered(&shop, &frame, "And the tyre tubes?").await;
    assert_eq!(answer.language, Language::En);
    assert!(answer.text.contains("does not cover the tyre tubes"), "{}", answer.text);
    assert!(!answer.text.contains("Khung"), "{}", answer.text);
    let english = ["How long is the frame insured?", "24 months."];
    let answer = answered(&shop, &english, "Còn ruột xe?").await;
    assert_eq!(answer.language, Language::Vi);
    assert!(answer.text.contains("Ruột xe không được bảo hiểm"), "{}", answer.text);
}

#[tokio::test]
async fn abbreviations_are_read_as_what_they_stand_for_and_as_the_site_uses_them() {
    let shop = shop().await;
    for question in ["quên mk thì làm sao", "quen mk lam sao", "Quên pass phải làm gì?"] {
        let answer = answered(&shop, &[], question).await;
        assert!(answer.text.contains("Quên mật khẩu"), "{question}: {}", answer.text);
    }
    let answer = answered(&shop, &[], "xe mk thuê bao nhiêu một ngày").await;
    assert!(answer.text.contains("90.000"), "the shop has a bicycle of that name: {}", answer.text);
    let answer = answered(&shop, &[], "I forgot my pw").await;
    assert!(answer.text.contains("Forgot password"), "{}", answer.text);
    let answer = answered(&shop, &[], "tem bhx ở đâu").await;
    assert!(answer.text.contains("Tem bảo hành xe"), "the site's own abbreviation: {}", answer.text);
}

#[tokio::test]
async fn codes_are_found_however_they_are_spelled() {
    let shop = shop().await;
    for question in ["bx203 nghĩa là gì", "Mã BX 203 là gì?", "lỗi bx-203", "BX_203?"] {
        let answer = answered(&shop, &[], question).await;
        assert!(answer.text.contains("Phanh sau mòn"), "{question}: {}", answer.text);
    }
    let follow_up = answered(&shop, &["Lỗi BX-20 nghĩa là gì?", "Xích trùng."], "thế còn bx32?").await;
    assert!(follow_up.text.contains("Đèn trước hỏng"), "{}", follow_up.text);
}

#[tokio::test]
async fn what_no_document_holds_is_said_to_be_unknown() {
    let shop = shop().await;
    for (question, named) in [
        ("price of 48213K9", "48213K9"),
        ("what is new in firmware 3.5", "firmware 3.5"),
        ("phiên bản 3.7 có gì mới?", "phiên bản 3.7"),
        ("bx999 nghĩa là gì", "bx999"),
        ("What does BX-21 mean?", "BX-21"),
        ("What does code QT-7731 mean?", "QT-7731"),
        ("còn BX-45?", "BX-45"),
    ] {
        let answer = shop.ask(&["Lỗi BX-20 nghĩa là gì?", "Xích trùng."], question).await;
        assert_eq!(answer.outcome, Outcome::Unanswered, "{question}: {}", answer.text);
        assert!(answer.text.contains(named) && answer.sources.is_empty(), "{question}: {}", answer.text);
    }
    for question in [
        "what is new in firmware 3.4",
        "what is new in version 3.4.0?",
        "price of 48213k2",
        "Thuê 2 xe trong 3 ngày giá bao nhiêu?",
        "Cửa hàng Huế có mở 24/7 không?",
        "Năm 2026 cửa hàng Huế mở cửa mấy giờ?",
    ] {
        answered(&shop, &[], question).await;
    }
}

#[tokio::test]
async fn the_documents_are_asked_before_a_question_is_declined() {
    let shop = shop().await;
    for (question, page) in [
        ("Con nhỏ bao nhiêu tuổi thì không nên tự đạp xe ra đường?", "tre-em.html"),
        ("Trẻ mấy tuổi được tự đạp xe?", "tre-em.html"),
    ] {
        let answer = answered(&shop, &[], question).await;
        assert!(cites(&answer, page), "{question}: {}", answer.text);
    }
    for question in [
        "thời tiết Huế ngày mai thế nào?",
        "Ai là tổng thống Mỹ?",
        "quên mật khẩu Gmail thì làm sao",
        "how do I reset my Netflix password",
        "Giá vàng hôm nay bao nhiêu?",
        "What is the capital of Mongolia?",
        "Bé nhà mình sốt 39 độ phải làm sao?",
    ] {
        let answer = shop.ask(&[], question).await;
        assert_eq!(answer.outcome, Outcome::OutOfScope, "{question}: {}", answer.text);
        assert_eq!(answer.versions.len(), STAGES.len(), "{question}: the documents were asked");
    }
}

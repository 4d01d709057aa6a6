//! What a model may say of a table and of sentences that differ in one thing, and what is answered without a model.

use hoidap_shared::{job::Outcome, stage::Stage as _, text::Language};
use hoidap_stages::generator::Generator;
use hoidap_testing::stub_provider::{StubProvider, StubReply};

use super::{answer, config, job, openai, passage};

const PRICES: &str = "Máy in | Giá | Tốc độ | In hai mặt\nLá L1 | 3.100.000đ | 18 trang/phút | không\n\
    Lá L2 | 2.450.000đ | 14 trang/phút | không\nLá L3 | 6.800.000đ | 32 trang/phút | có";
const SERVICE: &str = "Trung tâm Huế nhận sửa máy từ 8 giờ đến 17 giờ. Mực in không được bảo hành. Thân máy được bảo hành \
    24 tháng.";
const BRANCH: &str = "Trung tâm Vinh nhận sửa máy từ 9 giờ đến 20 giờ.";
const HOLIDAYS: &str = "We do not send technicians on Sundays. A visit costs $25.";

fn about(language: Language, question: &str) -> hoidap_shared::job::Envelope<hoidap_shared::job::Retrieved> {
    let mut job = job(language, question);
    job.body.passages = vec![
        passage(0, "vi", "Bảng giá máy in", PRICES),
        passage(1, "vi", "Sửa chữa ở Huế", SERVICE),
        passage(2, "vi", "Sửa chữa ở Vinh", BRANCH),
        passage(3, "en", "Visits", HOLIDAYS),
    ];
    job
}

#[tokio::test]
async fn a_sentence_put_together_from_several_facts_is_never_given() {
    let server = StubProvider::always(StubReply::Stream(vec![String::new()])).await;
    let generator = Generator::open(&config(vec![("model", openai(&server.url()))])).await.unwrap();
    for (question, words) in [
        ("Lá L1 giá bao nhiêu?", "Lá L1 có giá 6.800.000đ."),
        ("Lá L1 giá bao nhiêu?", "Giá là 2.450.000đ."),
        ("Lá L2 in nhanh thế nào?", "Lá L2 giá 2.450.000đ và in 32 trang/phút."),
        ("Trung tâm Huế mở mấy giờ?", "Trung tâm Huế nhận sửa máy từ 9 giờ đến 20 giờ."),
        ("Mực in có được bảo hành không?", "Mực in được bảo hành 24 tháng."),
        ("Thân máy có được bảo hành không?", "Thân máy ko được bảo hành."),
        ("Máy nào in hai mặt?", "Lá L2 có in hai mặt."),
        ("Máy in nào rẻ nhất?", "Rẻ nhất là Lá L1, giá 3.100.000đ."),
    ] {
        server.set_reply(StubReply::Stream(vec![words.into()]));
        let answer = answer(&generator, &about(Language::Vi, question)).await;
        assert_ne!(answer.provider.as_deref(), Some("model"), "{question} {}", answer.text);
        assert!(!answer.text.contains(words), "{question} {}", answer.text);
    }
}

#[tokio::test]
async fn a_true_sentence_is_given_with_its_source() {
    let server = StubProvider::always(StubReply::Stream(vec![String::new()])).await;
    let generator = Generator::open(&config(vec![("model", openai(&server.url()))])).await.unwrap();
    for (language, question, words) in [
        (Language::Vi, "Lá L2 giá bao nhiêu?", "Lá L2 có giá 2.450.000đ."),
        (Language::Vi, "Lá L2 giá bao nhiêu?", "Giá là 2,45 triệu đồng."),
        (Language::Vi, "Máy nào không in hai mặt?", "Lá L1 và Lá L2 không in hai mặt."),
        (Language::Vi, "Máy in nào rẻ nhất?", "Rẻ nhất là Lá L2, giá 2.450.000đ."),
        (Language::Vi, "Trung tâm Huế mở mấy giờ?", "Trung tâm Huế nhận sửa từ 8h đến 17h."),
        (Language::Vi, "Mực in có được bảo hành không?", "Không, mực in không được bảo hành."),
        (Language::En, "Do you send technicians on Sundays?", "No, we do not send technicians on Sundays."),
    ] {
        server.set_reply(StubReply::Stream(vec![words.into()]));
        let answer = answer(&generator, &about(language, question)).await;
        assert_eq!(answer.text, format!("{words} [1]"), "{question} {:?}", answer.attempts);
    }
}

#[tokio::test]
async fn a_wrong_sentence_beside_true_ones_is_left_out() {
    let words = "Lá L2 có giá 2.450.000đ. Máy này in 32 trang/phút. Lá L2 không in hai mặt.";
    let server =
        StubProvider::always(StubReply::Stream(words.split_inclusive(' ').map(str::to_string).collect()))
            .await;
    let generator = Generator::open(&config(vec![("model", openai(&server.url()))])).await.unwrap();
    let answer = answer(&generator, &about(Language::Vi, "Lá L2 thế nào?")).await;
    assert_eq!(answer.text, "Lá L2 có giá 2.450.000đ. [1] Lá L2 không in hai mặt. [1]");
}

#[tokio::test]
async fn a_table_answers_which_is_first_and_which_lack_something() {
    let generator = Generator::open(&config(vec![])).await.unwrap();
    for (question, wanted, unwanted) in [
        ("Máy in nào rẻ nhất?", vec!["Lá L2"], vec!["Lá L1", "Lá L3", "bảo hành"]),
        ("Còn máy in nào đắt nhất?", vec!["Lá L3"], vec!["Lá L1", "Lá L2", "bảo hành"]),
        ("Máy in nào không in hai mặt?", vec!["Lá L1", "Lá L2"], vec!["Lá L3", "bảo hành"]),
        ("Máy in nào có in hai mặt?", vec!["Lá L3"], vec!["Lá L1", "Lá L2"]),
    ] {
        let answer = answer(&generator, &about(Language::Vi, question)).await;
        assert_eq!(answer.outcome, Outcome::Answered, "{question}");
        assert!(wanted.iter().all(|name| answer.text.contains(name)), "{question} {}", answer.text);
        assert!(!unwanted.iter().any(|name| answer.text.contains(name)), "{question} {}", answer.text);
    }
}

#[tokio::test]
async fn what_no_table_tells_is_said_to_be_unknown() {
    let generator = Generator::open(&config(vec![])).await.unwrap();
    for question in ["Máy in nào tốt nhất?", "Máy quét nào rẻ nhất?", "Máy in nào không có màn hình?"]
    {
        let mut job = about(Language::Vi, question);
        if question.contains("quét") {
            job.body.passages.remove(0);
        }
        let answer = answer(&generator, &job).await;
        assert_eq!(answer.outcome, Outcome::Unanswered, "{question} {}", answer.text);
    }
}

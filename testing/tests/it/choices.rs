//! A question whose answer differs by product gets a question in return; the visitor's choice is answered.

use hoidap_testing::fleet::TestFleet;
use serde_json::{Value, json};

const HOME: &str = "https://www.diecxam.example/vi/index.html";
const LENGTH: &str = "Mật khẩu phải dài ít nhất mấy ký tự?";
const LOCKED: &str = "Nhập sai mật khẩu mấy lần thì bị khoá?";

fn question(message: &str, page: &str, history: &[(&str, &str)]) -> Value {
    let turns: Vec<Value> = history
        .iter()
        .flat_map(|(asked, said)| {
            [("user", asked), ("assistant", said)]
                .map(|(sender, text)| json!({"sender": sender, "content": text}))
        })
        .collect();
    json!({
        "message": message,
        "session_id": "session-0001",
        "context": {"url": page, "title": ""},
        "history": turns,
    })
}

fn text(answer: &Value) -> &str {
    answer["response"].as_str().unwrap()
}

/// The question in return, and the questions of its choices.
async fn asked_back(fleet: &TestFleet, message: &str) -> (String, Vec<String>) {
    let answer = fleet.ask(&question(message, HOME, &[])).await.1;
    assert_eq!(answer["outcome"], "asked_back", "{message}: {answer:#}");
    let choices = answer["choices"].as_array().unwrap();
    let field = |choice: &Value, name: &str| choice[name].as_str().unwrap().to_string();
    assert!(choices.iter().all(|choice| text(&answer).contains(&field(choice, "label"))), "{answer:#}");
    assert_eq!(answer["sources"], json!([]));
    (text(&answer).to_string(), choices.iter().map(|choice| field(choice, "question")).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_choice_is_answered_however_it_is_made() {
    let fleet = TestFleet::start(&[], &[]);
    let _workers = fleet.start_all_stages().await;
    let (back, questions) = asked_back(&fleet, LOCKED).await;
    assert_eq!(back, "Bạn hỏi về Diệc Mail, Diệc Drive hay Diệc Meet?");
    let facts = [("mail", "5 lần"), ("drive", "10 lần"), ("meet", "8 lần")];
    for ((product, fact), asked) in facts.into_iter().zip(&questions) {
        for (message, history) in [
            (asked.as_str(), vec![]),
            (asked.as_str(), vec![(LOCKED, back.as_str())]),
            (product, vec![(LOCKED, back.as_str())]),
        ] {
            let answer = fleet.ask(&question(message, HOME, &history)).await.1;
            assert_eq!(answer["outcome"], "answered", "{message}: {answer:#}");
            assert_eq!(answer["target_product"], product, "{message}");
            assert!(text(&answer).contains(fact), "{message}: {answer:#}");
            assert_eq!(answer["choices"], json!([]));
        }
    }
    // The same again comes from the cache, with its choices, and is no answer in the figures.
    let again = fleet.ask(&question(LOCKED, HOME, &[])).await.1;
    assert_eq!((&again["cached"], &again["outcome"]), (&json!(true), &json!("asked_back")));
    assert_eq!(again["choices"].as_array().unwrap().len(), 3);
    // Nobody is asked twice in a row.
    let other = fleet.ask(&question(LOCKED, HOME, &[(LOCKED, &back)])).await.1;
    assert_ne!(other["outcome"], "asked_back", "{other:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_tells_the_product_and_the_answer_says_so() {
    let fleet = TestFleet::start(&[], &[]);
    let _workers = fleet.start_all_stages().await;
    let page = "https://www.diecxam.example/vi/drive/index.html";
    let answer = fleet.ask(&question(LENGTH, page, &[])).await.1;
    assert_eq!(answer["outcome"], "answered", "{answer:#}");
    assert!(
        text(&answer).starts_with("Với Diệc Drive: ") && text(&answer).contains("12 ký tự"),
        "{answer:#}"
    );
}

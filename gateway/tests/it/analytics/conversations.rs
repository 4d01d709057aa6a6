//! Conversations, in a list and one by one.

use serde_json::{Value, json};

use super::{DAY, DashboardSetup, picked};

fn sessions(page: &Value) -> Vec<String> {
    let rows = page["conversations"].as_array().unwrap();
    rows.iter().map(|row| row["session_id"].as_str().unwrap().to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn conversations_are_listed_and_found() {
    let setup = DashboardSetup::filled().await;
    let list = async |rest: &str| setup.get(&format!("/api/analytics/conversations?{DAY}{rest}")).await;
    let all = list("").await;
    assert_eq!(sessions(&all), ["session-0004", "session-0002", "session-0001"], "the latest first");
    assert_eq!(all["next"], Value::Null);
    assert_eq!(
        picked(
            &all["conversations"][2],
            &["questions", "unanswered", "failed", "up", "down", "question", "outcome", "last"]
        ),
        [
            json!(2),
            json!(0),
            json!(0),
            json!(1),
            json!(1),
            json!("doi mat khau"),
            json!("cached"),
            json!("2026-01-31T08:05:00Z")
        ]
    );
    assert_eq!(sessions(&list("&outcome=failed").await), ["session-0002"]);
    assert_eq!(sessions(&list("&outcome=answered&locale=vi").await), ["session-0001"]);
    assert_eq!(sessions(&list("&product=drive").await), ["session-0002"]);
    assert_eq!(sessions(&list("&q=DOI%20MAT").await), ["session-0001"], "diacritics and case do not matter");
    assert_eq!(sessions(&list("&q=%C4%91%E1%BB%95i%20m%E1%BA%ADt").await), ["session-0001"]);
    assert_eq!(sessions(&list("&q=%25").await), Vec::<String>::new(), "no wildcard");
    for text in ["' OR 1 = 1 --", "')) > 0 OR 1 --", "\\"] {
        let text: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
        for name in ["q", "outcome"] {
            assert_eq!(
                sessions(&list(&format!("&{name}={text}")).await),
                Vec::<String>::new(),
                "{name}={text}"
            );
        }
    }
    assert_eq!(
        setup.problem("/api/analytics/conversations?cursor=x").await["errors"][0]["parameter"],
        "cursor"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_follow_each_other_without_gap_or_overlap() {
    let setup = DashboardSetup::new().await;
    // Seven in each second, so that pages end among equals.
    setup
        .run(
            "INSERT INTO chats (job_id, at, outcome, session_id, question) SELECT toString(number), \
             toDateTime64('2026-01-31 08:00:00', 3) + intDiv(number, 7), 'answered', \
             concat('session-', leftPad(toString(number), 4, '0')), 'q' FROM numbers(120)",
            "hoidap",
        )
        .await;
    let mut seen = Vec::new();
    let mut cursor = String::new();
    for size in [50, 50, 20] {
        let page = setup.get(&format!("/api/analytics/conversations?{DAY}{cursor}")).await;
        assert_eq!(page["conversations"].as_array().unwrap().len(), size);
        seen.extend(sessions(&page));
        cursor = page["next"].as_str().map(|next| format!("&cursor={next}")).unwrap_or_default();
    }
    assert_eq!(cursor, "");
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 120);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_conversation_is_told_whole() {
    let setup = DashboardSetup::filled().await;
    let found = setup.get("/api/analytics/conversations/session-0001").await;
    let questions = found["questions"].as_array().unwrap();
    assert_eq!(questions.len(), 2);
    let first = &questions[0];
    assert_eq!(
        picked(
            first,
            &[
                "at", "question", "answer", "outcome", "intent", "product", "took_ms", "cost_usd",
                "provider", "problem"
            ]
        ),
        [
            json!("2026-01-31T08:00:00Z"),
            json!("Làm sao đổi mật khẩu?"),
            json!("Mở Cài đặt. [1]"),
            json!("answered"),
            json!("how_to"),
            json!("mail"),
            json!(1000),
            json!(0.5),
            json!("local"),
            Value::Null
        ]
    );
    assert_eq!(
        first["stages"][2],
        json!({"stage": "generator", "waited_ms": 3, "worked_ms": 900, "delivery": 2})
    );
    assert_eq!(
        first["calls"],
        json!([
            {"provider": "first", "took_ms": 30, "error": "refused"},
            {"provider": "local", "took_ms": 400, "error": null}
        ])
    );
    assert_eq!(first["sources"], json!(["https://a.example/1", "https://a.example/2"]));
    assert_eq!(first["feedback"], json!({"rating": "up", "reason": "", "comment": "À, đúng"}));
    assert_eq!(questions[1]["cost_usd"], Value::Null, "an unknown cost is no free answer");
    for name in ["session-9999", "%27%20OR%201%20--", "session-000%31%27"] {
        let found = setup.problem(&format!("/api/analytics/conversations/{name}")).await;
        assert_eq!(found["status"], 404, "{name}");
    }
}

//! The figures of a period.

use serde_json::{Value, json};

use super::{DAY, DashboardSetup, picked};

#[tokio::test(flavor = "multi_thread")]
async fn a_report_counts_what_happened() {
    let setup = DashboardSetup::filled().await;
    let report = setup.get(&format!("/api/analytics/report?{DAY}")).await;
    assert_eq!(
        report["period"],
        json!({"from": "2026-01-31T00:00:00Z", "to": "2026-02-01T00:00:00Z", "bucket": "hour"})
    );
    let totals = &report["totals"];
    let counts = [
        "questions",
        "conversations",
        "answered",
        "unanswered",
        "failed",
        "stopped",
        "cached",
        "rate_limited",
    ];
    assert_eq!(picked(totals, &counts), [5, 3, 2, 1, 1, 1, 1, 0].map(|count| json!(count)));
    assert_eq!(
        picked(totals, &["answer_rate", "confidence", "cache_hit_rate"]),
        [0.5, 0.5, 0.2].map(|rate| json!(rate))
    );
    assert_eq!(picked(totals, &["p50_ms", "p95_ms"]), [json!(700), json!(60_000)]);
    assert_eq!(
        picked(totals, &["prompt_tokens", "completion_tokens", "cost_usd", "priced"]),
        [json!(110), json!(25), json!(0.625), json!(2)]
    );

    let timeline = report["timeline"].as_array().unwrap();
    assert_eq!(timeline.len(), 24, "the quiet hours as well");
    let eight = &timeline[8];
    assert_eq!(
        picked(eight, &["start", "questions", "answered", "cached"]),
        [json!("2026-01-31T08:00:00Z"), json!(2), json!(2), json!(1)]
    );
    assert_eq!(
        picked(&timeline[9], &["questions", "p50_ms", "confidence"]),
        [json!(0), Value::Null, Value::Null]
    );

    let stages: Vec<&str> =
        report["stages"].as_array().unwrap().iter().map(|stage| stage["stage"].as_str().unwrap()).collect();
    assert_eq!(stages, ["classifier", "retriever", "generator"]);
    assert_eq!(
        picked(&report["stages"][2], &["count", "waited_p95_ms", "worked_p50_ms", "worked_p95_ms"])[0..2],
        [json!(2), json!(3)]
    );
    assert_eq!(report["stages"][2]["worked_p95_ms"], 900);
    assert_eq!(report["outcomes"].as_array().unwrap().len(), 6, "those that were refused as well");
    assert_eq!(report["intents"][0], json!({"name": "how_to", "count": 3}));
    assert_eq!(report["products"], json!([{"name": "mail", "count": 3}, {"name": "drive", "count": 1}]));
    assert_eq!(report["languages"], json!([{"name": "en", "count": 3}, {"name": "vi", "count": 2}]));
    assert_eq!(
        report["pages"],
        json!([
            {"url": "https://a.example/1", "cited": 2, "up": 1, "down": 1},
            {"url": "https://a.example/2", "cited": 1, "up": 1, "down": 0}
        ])
    );
    assert_eq!(
        report["providers"],
        json!([
            {"provider": "local", "answers": 2, "calls": 2, "failures": 0, "p95_ms": 600, "cost_usd": 0.625},
            {"provider": "first", "answers": 0, "calls": 1, "failures": 1, "p95_ms": 30, "cost_usd": 0.0}
        ])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_names_what_the_documents_lack_and_what_visitors_say() {
    let setup = DashboardSetup::filled().await;
    let report = setup.get("/api/analytics/report?days=7&to=2026-02-01T00:00:00Z").await;
    assert_eq!(
        (&report["period"]["bucket"], report["timeline"].as_array().unwrap().len()),
        (&json!("day"), 7)
    );
    let gaps = report["gaps"].as_array().unwrap();
    assert_eq!(gaps.len(), 3, "{gaps:?}");
    let why = ["question", "asked", "unanswered", "low_confidence", "thumbs_down", "failed", "session_id"];
    assert_eq!(
        picked(&gaps[0], &why),
        [
            json!("Do you sell phones?"),
            json!(2),
            json!(2),
            json!(0),
            json!(0),
            json!(0),
            json!("session-0002")
        ],
        "the same question in other letters counts as one"
    );
    // Two answers to one question, one of them fine: only the other one counts.
    let gap = gaps.iter().find(|gap| gap["question"] == "doi mat khau").unwrap();
    assert_eq!(picked(gap, &why[1..6]), [1, 0, 1, 1, 0].map(|count| json!(count)));
    let feedback = &report["feedback"];
    assert_eq!(picked(feedback, &["up", "down"]), [json!(1), json!(1)], "the last word counts");
    assert_eq!(feedback["reasons"], json!([{"name": "outdated", "count": 1}]));
    assert_eq!(
        picked(&feedback["comments"][0], &["comment", "rating", "question"]),
        [json!("À, đúng"), json!("up"), json!("Làm sao đổi mật khẩu?")]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_narrow_a_report() {
    let setup = DashboardSetup::filled().await;
    let questions = async |rest: &str| {
        setup.get(&format!("/api/analytics/report?{DAY}{rest}")).await["totals"]["questions"].clone()
    };
    assert_eq!(questions("&product=mail").await, 3);
    assert_eq!(questions("&product=mail&locale=en").await, 1);
    assert_eq!(questions("&locale=vi").await, 2);
    assert_eq!(questions("&product=nothing").await, 0);
    assert_eq!(questions("&product=&locale=").await, 5);
    // In Hanoi that day ends at 17:00 UTC and began the day before.
    assert_eq!(questions("&utc_offset=420").await, 3);
    let local = setup.get(&format!("/api/analytics/report?{DAY}&utc_offset=420")).await;
    assert_eq!(local["timeline"][0]["start"], "2026-01-30T17:00:00Z");
    // What a parameter says is never a part of a statement.
    for text in ["' OR 1 = 1 --", "') UNION ALL SELECT 1 --", "\\", "{from:Int64}", "?", "mail'"] {
        let text: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
        assert_eq!(questions(&format!("&product={text}")).await, 0, "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn days_begin_at_local_midnight_across_a_clock_change() {
    let setup = DashboardSetup::new().await;
    // Berlin's clocks go forward on 29 March 2026: midnight is 23:00 UTC before, 22:00 UTC after.
    let moments = ["28 22:59:59", "28 23:00:00", "29 21:59:59", "29 22:00:00", "30 21:59:59", "30 22:30:00"];
    for (number, moment) in moments.into_iter().enumerate() {
        let values = format!("('{number}', '2026-03-{moment}', 'answered', 's', 'q')");
        setup
            .run(
                &format!("INSERT INTO chats (job_id, at, outcome, session_id, question) VALUES {values}"),
                "hoidap",
            )
            .await;
    }
    let days = async |query: &str| -> Vec<Value> {
        let report = setup.get(&format!("/api/analytics/report?{query}")).await;
        let timeline = report["timeline"].as_array().unwrap().clone();
        timeline.iter().map(|part| json!([part["start"], part["questions"]])).collect()
    };
    let expected = json!([
        ["2026-03-26T23:00:00Z", 0],
        ["2026-03-27T23:00:00Z", 1],
        ["2026-03-28T23:00:00Z", 2],
        ["2026-03-29T22:00:00Z", 2],
        ["2026-03-30T22:00:00Z", 1]
    ]);
    assert_eq!(json!(days("from=2026-03-27&to=2026-03-31&time_zone=Europe/Berlin").await), expected);
    // The zone goes before an offset beside it; an offset alone is what it was.
    assert_eq!(
        json!(days("from=2026-03-27&to=2026-03-31&time_zone=Europe/Berlin&utc_offset=60").await),
        expected
    );
    let offset = days("from=2026-03-27&to=2026-03-31&utc_offset=60").await;
    assert_eq!(offset[3], json!(["2026-03-29T23:00:00Z", 2]));
    // The day of the change has 23 hours, of the local clock.
    let hours = days("from=2026-03-29&to=2026-03-29&time_zone=Europe/Berlin").await;
    assert_eq!((hours.len(), &hours[0]), (23, &json!(["2026-03-28T23:00:00Z", 1])));
    assert_eq!(hours[22], json!(["2026-03-29T21:00:00Z", 1]));
    let sheet = setup
        .site
        .get("/api/analytics/report.csv?from=2026-03-29&to=2026-03-29&time_zone=Europe/Berlin")
        .await;
    assert!(sheet.text().await.unwrap().contains("2026-03-29T22:00:00Z"), "the period's end");
    // Half an hour beside the others, and a day that does not begin at midnight.
    let half = days("from=2026-03-28&to=2026-04-02&time_zone=Asia/Kolkata").await;
    assert_eq!(half[0][0], "2026-03-27T18:30:00Z");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_refused_and_an_outage_is_said() {
    let mut setup = DashboardSetup::new().await;
    let empty = setup.get("/api/analytics/report").await;
    assert_eq!(
        picked(&empty["totals"], &["questions", "answer_rate", "p95_ms"]),
        [json!(0), json!(0.0), json!(0)]
    );
    for path in ["report", "conversations", "conversations.csv", "report.csv"] {
        for (query, name) in [
            ("days=0", "days"),
            ("from=x", "from"),
            ("utc_offset=9999", "utc_offset"),
            ("time_zone=Mars", "time_zone"),
        ] {
            let found = setup.problem(&format!("/api/analytics/{path}?{query}")).await;
            assert_eq!(
                (&found["status"], &found["errors"][0]["parameter"]),
                (&json!(422), &json!(name)),
                "{path}"
            );
        }
    }
    let long = "x".repeat(201);
    assert_eq!(setup.problem(&format!("/api/analytics/report?product={long}")).await["status"], 422);
    setup.clickhouse.kill();
    for path in ["report", "conversations", "conversations/session-0001", "conversations.csv", "report.csv"] {
        let found = setup.problem(&format!("/api/analytics/{path}")).await;
        assert_eq!(
            (&found["status"], &found["code"]),
            (&json!(503), &json!("analytics_unavailable")),
            "{path}"
        );
    }
    setup.clickhouse.restart();
    setup.get("/api/analytics/report").await;
}

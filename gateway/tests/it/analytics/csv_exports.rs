//! CSV exports.

use super::{DAY, DashboardSetup};

#[tokio::test(flavor = "multi_thread")]
async fn questions_come_as_a_sheet_that_holds_no_formula() {
    let setup = DashboardSetup::filled().await;
    setup
        .run(
            "INSERT INTO chats (job_id, at, outcome, session_id, question, answer) VALUES \
             ('z', '2026-01-31 23:00:00', 'answered', '=cmd|x', '=HYPERLINK(\"http://evil\")', 'a, \"b\"\\nc')",
            "hoidap",
        )
        .await;
    let response = setup.site.get(&format!("/api/analytics/conversations.csv?{DAY}")).await;
    assert_eq!(response.status(), 200);
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/csv"));
    assert!(response.headers()["content-disposition"].to_str().unwrap().contains("conversations.csv"));
    // `text` would take the mark away.
    let text = String::from_utf8(response.bytes().await.unwrap().to_vec()).unwrap();
    let (head, rest) = text.split_once("\r\n").unwrap();
    assert!(head.starts_with("\u{feff}at,session_id,job_id,question,answer,outcome"), "{head}");
    let begin =
        "2026-01-31T23:00:00Z,'=cmd|x,z,\"'=HYPERLINK(\"\"http://evil\"\")\",\"a, \"\"b\"\"\nc\",answered,";
    assert!(rest.starts_with(begin), "{rest}");
    assert_eq!(rest.matches("\r\n").count(), 6, "every question once, and nothing else: {rest}");
    assert!(rest.contains("À, đúng"));
    let mail = setup.site.get(&format!("/api/analytics/conversations.csv?{DAY}&product=drive")).await;
    assert_eq!(mail.text().await.unwrap().matches("\r\n").count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_sheet_comes_whole() {
    let setup = DashboardSetup::new().await;
    setup
        .run(
            "INSERT INTO chats (job_id, at, outcome, session_id, question) SELECT toString(number), \
             toDateTime64('2026-01-31 08:00:00', 3) + number / 10, 'answered', 'session-0001', repeat('câu hỏi ', 50) \
             FROM numbers(5000)",
            "hoidap",
        )
        .await;
    let text = setup.site.get(&format!("/api/analytics/conversations.csv?{DAY}")).await.text().await.unwrap();
    assert_eq!(text.matches("\r\n").count(), 5_001);
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_come_as_a_sheet() {
    let setup = DashboardSetup::filled().await;
    let text = setup.site.get(&format!("/api/analytics/report.csv?{DAY}")).await.text().await.unwrap();
    for line in [
        "section,item,measure,value",
        "totals,,questions,5",
        "totals,,cost_usd,0.625",
        "timeline,2026-01-31T08:00:00Z,questions,2",
        "stages,generator,worked_p95_ms,900",
        "products,mail,count,3",
        "gaps,Do you sell phones?,asked,1",
        "feedback.reasons,outdated,count,1",
    ] {
        assert!(text.contains(&format!("{line}\r\n")), "{line}: {text}");
    }
}

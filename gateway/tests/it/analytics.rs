//! The dashboard's figures, from the real ClickHouse engine and the real broker.

mod conversations;
mod csv_exports;
mod live;
mod reliability;
mod report;

use hoidap_testing::Server;
use serde_json::Value;

use crate::support::{TestGateway, TestServers, problem};

/// Creates the tables as the sink does.
const MIGRATIONS: [&str; 5] = [
    include_str!("../../../schemas/clickhouse/0001_chats.sql"),
    include_str!("../../../schemas/clickhouse/0002_feedback.sql"),
    include_str!("../../../schemas/clickhouse/0003_answers.sql"),
    include_str!("../../../schemas/clickhouse/0004_times.sql"),
    include_str!("../../../schemas/clickhouse/0005_evaluations.sql"),
];

/// Chats of 31 January 2026 and the days before it, in columns that tests look at.
const CHATS: &str = "INSERT INTO chats (job_id, at, outcome, session_id, question, answer, intent, product, language, confidence, \
    took_ms, provider, prompt_tokens, completion_tokens, cost_usd, cost_known, attempt_provider, attempt_ms, attempt_error, \
    hop_stage, hop_waited_ms, hop_worked_ms, hop_delivery, sources) VALUES \
    ('a', '2026-01-31 08:00:00', 'answered', 'session-0001', 'Làm sao đổi mật khẩu?', 'Mở Cài đặt. [1]', 'how_to', 'mail', 'vi', \
     0.75, 1000, 'local', 100, 20, 0.5, true, ['first', 'local'], [30, 400], ['refused', ''], \
     ['classifier', 'retriever', 'generator'], [1, 2, 3], [10, 20, 900], [1, 1, 2], ['https://a.example/1', 'https://a.example/2']), \
    ('b', '2026-01-31 08:05:00', 'cached', 'session-0001', 'doi mat khau', 'Mở Cài đặt. [1]', 'how_to', 'mail', 'vi', 0.25, 3, '', \
     0, 0, 0, false, [], [], [], [], [], [], [], ['https://a.example/1']), \
    ('c', '2026-01-31 20:00:00', 'failed', 'session-0002', 'Is it down?', '', 'unknown', '', 'en', 0, 60000, '', 0, 0, 0, false, \
     [], [], [], ['classifier'], [5], [50], [5], []), \
    ('d', '2026-01-31 20:00:01', 'rejected', '', '', '', 'unknown', '', '', 0, 1, '', 0, 0, 0, false, [], [], [], [], [], [], [], []), \
    ('e', '2026-01-31 21:00:00', 'unanswered', 'session-0002', 'Do you sell phones?', 'Not in the documents.', 'product_info', \
     'drive', 'en', 0.1, 200, '', 0, 0, 0, false, [], [], [], ['classifier', 'retriever'], [1, 1], [10, 20], [1, 1], []), \
    ('f', '2026-01-30 21:00:00', 'unanswered', 'session-0003', 'do you SELL phones', 'Not in the documents.', 'product_info', \
     'drive', 'en', 0.1, 200, '', 0, 0, 0, false, [], [], [], [], [], [], [], []), \
    ('g', '2026-01-31 22:00:00', 'stopped', 'session-0004', 'Tell me all', 'Once upon', 'how_to', 'mail', 'en', 0.5, 700, 'local', \
     10, 5, 0.125, true, ['local'], [600], [''], ['generator'], [0], [600], [1], []), \
    ('h', '2025-12-01 00:00:00', 'answered', 'session-0009', 'long ago', 'Yes.', 'billing', 'mail', 'vi', 1, 5, '', 0, 0, 0, false, \
     [], [], [], [], [], [], [], [])";
const FEEDBACK: &str = "INSERT INTO feedback (job_id, at, session_id, rating, reason, comment) VALUES \
    ('a', '2026-01-31 08:01:00', 'session-0001', 'down', 'wrong', 'Sai rồi'), \
    ('a', '2026-01-31 08:02:00', 'session-0001', 'up', '', 'À, đúng'), \
    ('b', '2026-01-31 08:06:00', 'session-0001', 'down', 'outdated', ''), \
    ('h', '2026-01-31 08:06:00', 'session-0009', 'down', 'wrong', '')";
/// The day of the chats.
const DAY: &str = "from=2026-01-31&to=2026-01-31";

/// A gateway on a ClickHouse with the chats.
struct DashboardSetup {
    clickhouse: Server,
    site: TestGateway,
    servers: TestServers,
}

impl DashboardSetup {
    async fn new() -> Self {
        let (servers, clickhouse) = (TestServers::new(), Server::clickhouse());
        let site = servers
            .gateway(&[
                ("CLICKHOUSE__URL", &clickhouse.url()),
                ("CLICKHOUSE__PASSWORD", clickhouse.password()),
            ])
            .await;
        let setup = Self { clickhouse, site, servers };
        setup.run("CREATE DATABASE hoidap", "default").await;
        for statement in
            MIGRATIONS.iter().flat_map(|file| file.split(";\n")).filter(|text| !text.trim().is_empty())
        {
            setup.run(statement, "hoidap").await;
        }
        setup
    }

    async fn filled() -> Self {
        let setup = Self::new().await;
        // Twice, as after a batch that was written again.
        for rows in [CHATS, FEEDBACK, CHATS] {
            setup.run(rows, "hoidap").await;
        }
        setup
    }

    async fn run(&self, sql: &str, database: &str) {
        let url = format!("{}/?database={database}", self.clickhouse.url());
        let response = self
            .site
            .http
            .post(url)
            .basic_auth("default", Some(self.clickhouse.password()))
            .body(sql.to_string())
            .send()
            .await
            .unwrap();
        let status = response.status();
        assert!(status.is_success(), "{sql}: {}", response.text().await.unwrap());
    }

    /// The JSON body at a path.
    async fn get(&self, path: &str) -> Value {
        let response = self.site.get(path).await;
        let status = response.status();
        let text = response.text().await.unwrap();
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// The problem at a path that must be refused.
    async fn problem(&self, path: &str) -> Value {
        problem(self.site.get(path).await).await
    }
}

/// Some fields of an object.
fn picked(value: &Value, names: &[&str]) -> Vec<Value> {
    names.iter().map(|name| value[*name].clone()).collect()
}

//! Shared by the tests: servers, a gateway on them, a fake fleet, and requests.

mod fake_fleet;
pub(crate) mod relay;

use std::{
    collections::HashMap,
    sync::OnceLock,
    time::{Duration, Instant},
};

pub(crate) use fake_fleet::{FakeFleet, StubAnswer, answer};
use hoidap_gateway::Gateway;
use hoidap_shared::{broker::Broker, config::Config, telemetry};
use hoidap_testing::Server;
use metrics_exporter_prometheus::PrometheusHandle;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

/// A secret that is strong enough for production, and the settings of a gateway in production.
pub(crate) const SECRET: &str = "s3cret-of-more-than-24-characters";
pub(crate) const PRODUCTION: [(&str, &str); 4] = [
    ("ENVIRONMENT", "production"),
    ("GATEWAY__ADMIN_TOKEN", SECRET),
    ("GATEWAY__HASH_KEY", SECRET),
    ("SESSIONS__SECRET", SECRET),
];

/// The servers behind the gateways of one test.
pub(crate) struct TestServers {
    pub(crate) nats: Server,
    pub(crate) valkey: Server,
}

impl TestServers {
    pub(crate) fn new() -> Self {
        telemetry::init_tls();
        Self { nats: Server::nats(), valkey: Server::valkey() }
    }

    /// The configuration of a gateway on these servers, with the given settings.
    pub(crate) fn config(&self, settings: &[(&str, &str)]) -> Config {
        let (nats, valkey) = (self.nats.url(), self.valkey.url());
        let ours = [
            ("NATS__URL", nats.as_str()),
            ("REDIS__URL", valkey.as_str()),
            ("CLICKHOUSE__URL", "http://127.0.0.1:1"),
            ("GATEWAY__LISTEN", "127.0.0.1:0"),
            ("SUPPORT__ADDRESS", "help@a.example"),
        ];
        let all = ours.iter().chain(settings);
        let variables: HashMap<_, _> =
            all.map(|(key, value)| (format!("HOIDAP_{key}"), (*value).to_string())).collect();
        Config::read(None, Some(variables), &[]).unwrap()
    }

    /// A gateway that is connected to NATS.
    pub(crate) async fn gateway(&self, settings: &[(&str, &str)]) -> TestGateway {
        let site = TestGateway::start(self.config(settings)).await;
        site.until("nats is well", |health| health["components"]["nats"]["status"] == "healthy").await;
        site
    }

    /// A fleet that answers each question with `stub_answer`.
    pub(crate) async fn fleet(
        &self,
        stub_answer: fn(&hoidap_shared::job::Question) -> StubAnswer,
    ) -> FakeFleet {
        FakeFleet::start(self.config(&[]), stub_answer).await
    }

    pub(crate) async fn broker(&self) -> Broker {
        Broker::connect(&self.config(&[]).nats, "test").await.unwrap()
    }
}

/// A running gateway and a client of it.
pub(crate) struct TestGateway {
    pub(crate) gateway: Gateway,
    pub(crate) http: reqwest::Client,
}

impl TestGateway {
    pub(crate) async fn start(config: Config) -> Self {
        Self::try_start(config).await.unwrap()
    }

    pub(crate) async fn try_start(config: Config) -> anyhow::Result<Self> {
        static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();
        telemetry::init_tls();
        let metrics = METRICS.get_or_init(|| telemetry::init_metrics().unwrap()).clone();
        let gateway = Gateway::start(config, metrics).await?;
        Ok(Self { gateway, http: reqwest::Client::builder().no_proxy().build().unwrap() })
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.gateway.address)
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.http.get(self.url(path)).send().await.unwrap()
    }

    pub(crate) async fn post(&self, body: &Value) -> Response {
        self.http.post(self.url("/api/chat")).json(body).send().await.unwrap()
    }

    /// A request about a job, by the session of [`question`] unless it names another.
    pub(crate) fn about(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.http
            .request(method, self.url(&format!("/api/chat/{path}")))
            .header("x-session-id", "session-0001")
    }

    /// The answer to a question that must be answered.
    pub(crate) async fn ask(&self, body: &Value) -> Value {
        let response = self.post(body).await;
        let status = response.status();
        let answer: Value = response.json().await.unwrap();
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer
    }

    /// The problem of a question that must be refused.
    pub(crate) async fn problem(&self, body: &Value) -> Value {
        problem(self.post(body).await).await
    }

    /// Waits until the health report fulfils a condition.
    pub(crate) async fn until(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let health: Value = self.get("/api/health").await.json().await.unwrap();
            if wanted(&health) {
                return health;
            }
            assert!(Instant::now() < deadline, "{what} was awaited in vain: {health:#}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// A response that must be a problem of the right shape.
pub(crate) async fn problem(response: Response) -> Value {
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.unwrap();
    let problem: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status}: no JSON: {text}"));
    assert_eq!(headers["content-type"], "application/problem+json", "{status}: {problem}");
    assert_eq!(problem["status"], status.as_u16());
    for field in ["type", "title", "detail", "instance", "code", "request_id"] {
        assert!(problem[field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {problem}");
    }
    assert!(problem["retryable"].is_boolean(), "{problem}");
    assert_eq!(headers["x-request-id"], problem["request_id"].as_str().unwrap());
    if matches!(status.as_u16(), 429 | 503) {
        assert!(headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap() > 0);
    }
    problem
}

/// A body with the fields of the original service.
pub(crate) fn question(message: &str) -> Value {
    json!({
        "message": message,
        "session_id": "session-0001",
        "context": {
            "url": "https://www.a.example/vi/mail",
            "title": "Thư",
            "product": "mail",
            "section": "help",
            "content_preview": "Hướng dẫn dùng thư."
        },
        "history": [
            {"content": "xin chào", "sender": "user", "timestamp": "2026-01-31T09:30:00"},
            {"content": "Chào bạn!", "sender": "assistant", "timestamp": "2026-01-31T09:30:01Z", "context": {"url": "x"}}
        ],
        "user_id": "user-7"
    })
}

//! Questions to POST /api/chat: a number of them in flight, or a number each second.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use clap::Args;
use futures::{StreamExt as _, stream};
use reqwest::{Client, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::summary::Latencies;

/// Longest wait for one answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(90);
/// Characters that are shown of what came in place of an answer.
const SHOWN: usize = 300;

/// Sends each question of a file once, each in a session of its own.
#[derive(Debug, Args)]
pub struct LoadArgs {
    /// The address of the endpoint, such as http://127.0.0.1:8080/api/chat.
    #[arg(long)]
    pub url: String,
    /// JSON lines with `question`, `page` where it is asked on another than --page, and `preview` where the page's text is sent.
    #[arg(long)]
    pub questions: PathBuf,
    /// Questions that wait for their answers at the same time.
    #[arg(long, default_value_t = 1)]
    pub in_flight: usize,
    /// Questions each second, however many wait. Latencies then count from the time at which a question was due.
    #[arg(long, conflicts_with = "in_flight")]
    pub rate: Option<f64>,
    /// How often the whole file is sent.
    #[arg(long, default_value_t = 1)]
    pub repeat: usize,
    /// Opens a connection for each question, as visitors do, instead of using open ones again.
    #[arg(long)]
    pub new_connections: bool,
    /// The page that questions are asked on.
    #[arg(long, default_value = "https://www.diecxam.example/")]
    pub page: String,
}

/// What a load measured. Latencies are those of the questions that were answered.
#[derive(Debug, Default, Serialize)]
#[allow(missing_docs)]
pub struct LoadReport {
    pub sent: usize,
    pub answered: usize,
    pub failed: usize,
    /// Why the first of them failed.
    pub first_error: Option<String>,
    /// Answers that came from the cache.
    pub cached: usize,
    /// Answers by their outcome.
    pub outcomes: BTreeMap<String, usize>,
    /// Bytes of all answers.
    pub bytes: usize,
    pub seconds: f64,
    pub answers_per_second: f64,
    #[serde(flatten)]
    pub latencies: Latencies,
}

#[derive(Deserialize)]
struct QuestionLine {
    question: String,
    page: Option<String>,
    /// The beginning of the page's text.
    preview: Option<String>,
}

#[derive(Deserialize)]
struct AnswerBody {
    #[serde(rename = "response")]
    _response: String,
    #[serde(default)]
    outcome: String,
    #[serde(default)]
    cached: bool,
}

struct Answered {
    body: AnswerBody,
    bytes: usize,
    milliseconds: f64,
}

impl LoadArgs {
    /// Sends the questions and waits for all answers.
    ///
    /// # Errors
    /// When the file cannot be read. Questions that fail are counted.
    pub async fn run(&self) -> anyhow::Result<LoadReport> {
        let questions = read_bodies(&self.questions, &self.page)?;
        let idle = if self.new_connections { 0 } else { usize::MAX };
        let http =
            Client::builder().no_proxy().timeout(ANSWER_TIMEOUT).pool_max_idle_per_host(idle).build()?;
        let total = questions.len() * self.repeat;
        let begun = Instant::now();
        let due = |n: usize| self.rate.map(|rate| begun + Duration::from_secs_f64(n as f64 / rate));
        let (http, url) = (&http, self.url.as_str());
        let asks = (0..total).map(|n| ask(http, url, &questions[n % questions.len()], due(n)));
        let at_once = if self.rate.is_some() { total } else { self.in_flight };
        let results: Vec<_> = stream::iter(asks).buffer_unordered(at_once.max(1)).collect().await;
        Ok(report(results, begun.elapsed().as_secs_f64()))
    }
}

/// The bodies of the requests that a file of questions stands for, without their sessions.
///
/// # Errors
/// When the file cannot be read or has no questions.
pub(crate) fn read_bodies(questions: &Path, default_page: &str) -> anyhow::Result<Vec<Value>> {
    let text =
        fs::read_to_string(questions).with_context(|| format!("{} cannot be read", questions.display()))?;
    let body = |line: &str| -> anyhow::Result<Value> {
        let QuestionLine { question, page, preview } = serde_json::from_str(line)?;
        let url = page.as_deref().unwrap_or(default_page);
        let context = json!({"url": url, "title": "", "content_preview": preview});
        Ok(json!({"message": question, "context": context}))
    };
    let bodies: Vec<Value> = text.lines().map(body).collect::<Result<_, _>>()?;
    anyhow::ensure!(!bodies.is_empty(), "{} has no questions", questions.display());
    Ok(bodies)
}

/// One question; not before it is due.
async fn ask(http: &Client, url: &str, body: &Value, due: Option<Instant>) -> Result<Answered, String> {
    if let Some(due) = due {
        tokio::time::sleep_until(due.into()).await;
    }
    let begun = due.unwrap_or_else(Instant::now);
    let mut body = body.clone();
    body["session_id"] = format!("bench-{}", Uuid::new_v4()).into();
    let response = http.post(url).json(&body).send().await.map_err(|error| chain(&error))?;
    let status = response.status();
    let bytes = response.bytes().await.map_err(|error| chain(&error))?;
    let milliseconds = begun.elapsed().as_secs_f64() * 1000.0;
    let said = || String::from_utf8_lossy(&bytes).chars().take(SHOWN).collect::<String>();
    if status != StatusCode::OK {
        return Err(format!("status {status}: {}", said()));
    }
    let body = serde_json::from_slice(&bytes).map_err(|error| format!("{error} in {}", said()))?;
    Ok(Answered { body, bytes: bytes.len(), milliseconds })
}

fn report(results: Vec<Result<Answered, String>>, seconds: f64) -> LoadReport {
    let mut report = LoadReport { sent: results.len(), seconds, ..LoadReport::default() };
    let mut latencies = Vec::with_capacity(results.len());
    for result in results {
        match result {
            Ok(Answered { body, bytes, milliseconds }) => {
                report.answered += 1;
                report.cached += usize::from(body.cached);
                *report.outcomes.entry(body.outcome).or_default() += 1;
                report.bytes += bytes;
                latencies.push(milliseconds);
            }
            Err(error) => {
                report.failed += 1;
                report.first_error.get_or_insert(error);
            }
        }
    }
    report.answers_per_second = report.answered as f64 / seconds;
    report.latencies = Latencies::of(latencies);
    report
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

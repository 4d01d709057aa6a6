//! `hoidap-worker eval`: labelled questions through the same stages that serve visitors, without a broker.

mod report;

use std::{
    io::BufRead as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use anyhow::{Context as _, bail};
use clap::Args;
use futures::{StreamExt as _, TryStreamExt as _};
use hoidap_shared::{
    config::Config,
    job::{Answer, Classified, Envelope, JobId, Outcome, PageContext, Question, SCHEMA, Turn, now_ms},
    live::Live,
    stage::{Next, Stage},
    telemetry,
    text::normalise,
};
use serde::Deserialize;

use self::report::Report;
pub(crate) use self::report::is_gold;
use crate::{classifier::Classifier, generator::Generator, retriever::Retriever};

/// Longest time for one question, in milliseconds.
const BUDGET_MS: u64 = 60_000;

/// Measures the stages on labelled questions.
#[derive(Debug, Args)]
pub struct Command {
    /// JSON Lines: `{"id", "question", "locale", "intent"?, "product"?, "page"?, "gold": ["path suffix", …], "history"?}`.
    #[arg(long)]
    questions: PathBuf,
    /// The report as JSON.
    #[arg(long)]
    json: bool,
    /// One line for each question that went wrong.
    #[arg(long)]
    failures: bool,
    /// Questions in flight at once.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
}

/// One labelled question.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Labelled {
    pub(crate) id: String,
    pub(crate) question: String,
    #[serde(default)]
    pub(crate) script: Option<String>,
    #[serde(default)]
    pub(crate) locale: Option<String>,
    #[serde(default)]
    pub(crate) intent: Option<String>,
    /// Absent: not judged. Null: about no product.
    #[serde(default, deserialize_with = "present")]
    pub(crate) product: Option<Option<String>>,
    #[serde(default)]
    pub(crate) page: Option<String>,
    #[serde(default)]
    pub(crate) gold: Vec<String>,
    #[serde(default)]
    pub(crate) history: Vec<Turn>,
}

fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// What the stages made of a question.
pub(crate) struct Measured {
    pub(crate) labelled: Labelled,
    pub(crate) passages: Vec<String>,
    pub(crate) support: Option<f32>,
    pub(crate) answer: Answer,
    pub(crate) took_ms: u64,
}

struct Stages {
    classifier: Classifier,
    retriever: Retriever,
    generator: Generator,
}

impl Command {
    /// Runs every question and prints the report.
    ///
    /// # Errors
    /// When the questions cannot be read or a stage cannot be opened.
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        let questions = read(&self.questions)?;
        telemetry::init_tls();
        let stages = Arc::new(Stages {
            classifier: Classifier::open(config).await?,
            retriever: Retriever::open(config).await?,
            generator: Generator::open(config).await?,
        });
        let total = questions.len();
        let bar = indicatif::ProgressBar::new(total as u64);
        let results = futures::stream::iter(questions)
            .map(|labelled| {
                let stages = Arc::clone(&stages);
                async move { ask(&stages, labelled).await }
            })
            .buffered(self.jobs.max(1))
            .inspect(|_| bar.inc(1))
            .try_collect::<Vec<_>>()
            .await?;
        bar.finish_and_clear();
        let report = Report::of(&results);
        if self.json {
            println!("{}", serde_json::to_string_pretty(&report)?);
        } else {
            print!("{report}");
        }
        if self.failures {
            for line in results.iter().flat_map(report::failures) {
                println!("{line}");
            }
        }
        Ok(())
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<Labelled>> {
    let file = std::fs::File::open(path).with_context(|| format!("{} cannot be opened", path.display()))?;
    let mut questions = Vec::new();
    for (number, line) in std::io::BufReader::new(file).lines().enumerate() {
        let line = line.with_context(|| format!("{}:{} cannot be read", path.display(), number + 1))?;
        if !line.trim().is_empty() {
            let labelled = serde_json::from_str(&line);
            questions.push(
                labelled.with_context(|| {
                    format!("{}:{} is not a labelled question", path.display(), number + 1)
                })?,
            );
        }
    }
    if questions.is_empty() {
        bail!("{} holds no question", path.display());
    }
    Ok(questions)
}

async fn ask(stages: &Stages, labelled: Labelled) -> anyhow::Result<Measured> {
    let began = Instant::now();
    let classified = match stages.classifier.process(&envelope(&labelled), &Live::default()).await? {
        Next::Answer(answer) => return Ok(result(labelled, Vec::new(), None, answer, began)),
        Next::Forward(classified) => classified,
    };
    let job: Envelope<Classified> = envelope(&labelled).map(classified);
    let Next::Forward(retrieved) = stages.retriever.process(&job, &Live::default()).await? else {
        bail!("the retriever answered by itself");
    };
    let passages = retrieved.passages.iter().map(|passage| passage.source.clone()).collect();
    let support = Some(retrieved.support);
    let Next::Answer(answer) = stages.generator.process(&job.map(retrieved), &Live::default()).await?;
    Ok(result(labelled, passages, support, answer, began))
}

fn result(
    labelled: Labelled,
    passages: Vec<String>,
    support: Option<f32>,
    answer: Answer,
    began: Instant,
) -> Measured {
    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Measured { labelled, passages, support, answer, took_ms }
}

fn envelope(labelled: &Labelled) -> Envelope<Question> {
    let url = labelled.page.clone().unwrap_or_else(|| "https://www.example.com/".into());
    Envelope {
        schema: SCHEMA,
        job_id: JobId::new(),
        trace: None,
        deadline_ms: now_ms() + BUDGET_MS,
        accepted_ms: now_ms(),
        gateway: "eval".into(),
        stream: false,
        hops: Vec::new(),
        body: Question {
            message: normalise(&labelled.question),
            session_id: "evaluation".into(),
            context: PageContext { url, ..PageContext::default() },
            history: labelled.history.clone(),
            user_id: None,
            client: String::new(),
        },
    }
}

/// Whether an outcome tells the visitor that the question is not answered here.
pub(crate) fn declined(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::OutOfScope | Outcome::Unanswered)
}

//! `hoidap-worker eval`: labelled questions through the same stages that serve visitors, without a broker.

mod baseline;
mod bound;
mod diagram;
mod figures;
mod judged;
mod labelled;
#[cfg(test)]
mod made;
mod measure;
mod page;
mod recorded;
mod report;
mod row;

use std::{
    fs::{File, OpenOptions},
    io::BufWriter,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use anyhow::{Context as _, bail};
use clap::Args;
use futures::{StreamExt as _, TryStreamExt as _};
use hoidap_shared::{
    config::Config,
    job::{Answer, Classified, Envelope, Outcome, Retrieved},
    progress::ProgressSink,
    stage::{NextStep, Stage},
    telemetry,
};
use serde::Serialize;

pub(crate) use self::labelled::{Labelled, is_gold, read};
use self::{baseline::Changes, bound::Bound, judged::Judged, labelled::envelope, report::Report, row::Row};
use crate::{analytics::Evaluations, classifier::Classifier, generator::Generator, retriever::Retriever};

/// Measures the stages on labelled questions.
#[derive(Debug, Args)]
pub struct Command {
    /// JSON Lines: `{"id", "question", "locale", "script"?, "kind"?, "intent"?, "product"?, "page"?, "gold": ["path suffix", …],
    /// "answer_contains"?: ["text", …], "history"?}`.
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
    /// Write what became of each question, as JSON Lines.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// What `--out` wrote in an earlier run: print what changed since.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Write the report with every wrong answer as a page of its own.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Fail where this holds, such as `right<0.9`, `ece>0.05`, `vi.right<0.9` (a script) or `kind:table.right<0.8`; can be given
    /// more than once.
    #[arg(long, value_name = "EXPR")]
    fail_if: Vec<Bound>,
    /// Write what became of each question into ClickHouse under this name, for the dashboard.
    #[arg(long, value_name = "NAME", value_parser = recorded::name)]
    record: Option<String>,
}

/// What the stages made of a question.
pub(crate) struct Measured {
    pub(crate) labelled: Labelled,
    pub(crate) passages: Vec<String>,
    pub(crate) support: Option<f32>,
    pub(crate) answer: Answer,
    pub(crate) took_ms: u64,
    pub(crate) judged: Judged,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Printed<'a> {
    #[serde(flatten)]
    report: &'a Report,
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline: Option<&'a Changes>,
}

struct Stages {
    classifier: Classifier,
    retriever: Retriever,
    generator: Generator,
}

impl Command {
    /// Runs every question, prints the report and writes the files.
    ///
    /// # Errors
    /// When a file cannot be read or written, a stage cannot be opened, or a bound is broken.
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        let questions = read(&self.questions)?;
        self.fail_if.iter().try_for_each(|bound| bound.check(&questions))?;
        let earlier: Option<Vec<Row>> = self
            .baseline
            .as_ref()
            .map(|path| labelled::lines(path, "a line that `hoidap-worker eval --out` writes"))
            .transpose()?;
        [&self.out, &self.html].into_iter().flatten().try_for_each(|path| writable(path))?;
        let evaluations = match &self.record {
            Some(_) => {
                Some(Evaluations::open(&config.clickhouse).await.context("--record needs ClickHouse")?)
            }
            None => None,
        };
        let results = self.ask_all(config, questions).await?;
        let report = Report::of(&results);
        let rows: Vec<Row> = results.iter().map(Row::of).collect();
        let changes = earlier.map(|earlier| Changes::between(&earlier, &rows));
        if self.json {
            let printed = Printed { report: &report, baseline: changes.as_ref() };
            println!("{}", serde_json::to_string_pretty(&printed)?);
        } else {
            print!("{report}");
            if let Some(changes) = &changes {
                print!("\n{changes}");
            }
        }
        if self.failures {
            results.iter().flat_map(report::failures).for_each(|line| println!("{line}"));
        }
        if let Some(path) = &self.out {
            let file = File::create(path).with_context(|| cannot_write(path))?;
            row::write(BufWriter::new(file), &rows).with_context(|| cannot_write(path))?;
        }
        if let Some(path) = &self.html {
            let page = page::page(&self.questions, &report, changes.as_ref(), &results);
            std::fs::write(path, page).with_context(|| cannot_write(path))?;
        }
        if let (Some(evaluations), Some(name)) = (evaluations, &self.record) {
            evaluations.write(recorded::rows(name, &results)).await?;
        }
        let broken: Vec<String> = self.fail_if.iter().filter_map(|bound| bound.broken(&report)).collect();
        if !broken.is_empty() {
            bail!("--fail-if {}", broken.join("; "));
        }
        Ok(())
    }

    async fn ask_all(&self, config: &Config, questions: Vec<Labelled>) -> anyhow::Result<Vec<Measured>> {
        telemetry::init_tls();
        let stages = Arc::new(Stages {
            classifier: Classifier::open(config).await?,
            retriever: Retriever::open(config).await?,
            generator: Generator::open(config).await?,
        });
        let bar = indicatif::ProgressBar::new(questions.len() as u64);
        let results = futures::stream::iter(questions)
            .map(|labelled| {
                let stages = Arc::clone(&stages);
                async move { ask(&stages, labelled).await }
            })
            .buffered(self.jobs.max(1))
            .inspect(|_| bar.inc(1))
            .try_collect()
            .await?;
        bar.finish_and_clear();
        Ok(results)
    }
}

/// Finds out before the questions are asked whether a file can be written, and leaves what it holds.
fn writable(path: &Path) -> anyhow::Result<()> {
    OpenOptions::new().append(true).create(true).open(path).map(drop).with_context(|| cannot_write(path))
}

fn cannot_write(path: &Path) -> String {
    format!("{} cannot be written", path.display())
}

/// A question with its passages, or its answer where it needs none.
///
/// # Errors
/// When a stage fails.
pub(crate) async fn retrieve(
    classifier: &Classifier,
    retriever: &Retriever,
    labelled: &Labelled,
) -> anyhow::Result<NextStep<Envelope<Retrieved>>> {
    let asked = envelope(labelled);
    let classified = match classifier.process(&asked, &ProgressSink::default()).await? {
        NextStep::Answer(answer) => return Ok(NextStep::Answer(answer)),
        NextStep::Forward(classified) => classified,
    };
    let job: Envelope<Classified> = asked.map(classified);
    let NextStep::Forward(retrieved) = retriever.process(&job, &ProgressSink::default()).await? else {
        bail!("the retriever answered by itself");
    };
    Ok(NextStep::Forward(job.map(retrieved)))
}

async fn ask(stages: &Stages, labelled: Labelled) -> anyhow::Result<Measured> {
    let began = Instant::now();
    let job = match retrieve(&stages.classifier, &stages.retriever, &labelled).await? {
        NextStep::Answer(answer) => return Ok(result(labelled, Vec::new(), None, answer, began)),
        NextStep::Forward(job) => job,
    };
    let passages = job.body.passages.iter().map(|passage| passage.source.clone()).collect();
    let support = Some(job.body.support);
    let NextStep::Answer(answer) = stages.generator.process(&job, &ProgressSink::default()).await?;
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
    let judged = Judged::of(&labelled, &answer);
    Measured { labelled, passages, support, answer, took_ms, judged }
}

/// Whether an outcome tells the visitor that the question is not answered here.
pub(crate) fn declined(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::OutOfScope | Outcome::Unanswered)
}
